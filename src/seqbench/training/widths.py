"""The widths at which a config's model has as many parameters as its budget says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import nn

from seqbench.errors import ConfigError
from seqbench.models.encoder import Encoder
from seqbench.models.widths import Widths
from seqbench.records.record import BUDGET_TOLERANCE
from seqbench.training.nearest import DoesNotGrow, nearest
from seqbench.training.random_state import random_state, set_random_state

M = TypeVar("M", bound=nn.Module)
Size = Callable[[Mapping[str, int]], int]
DRIFT = 1.5
"""The factor by which the last of several widths may leave its proportion to the first."""
_MOVES = (0, -1, 1, -2, 2)
_CPU = torch.device("cpu")


def solved_widths(
    encoder: type[Encoder], arguments: Mapping[str, Any], size: Size, *, params: int
) -> dict[str, int]:
    """The encoder's arguments with which the size is `params`, within BUDGET_TOLERANCE.

    They grow together as the encoder says (`Encoder.widths`); the last of several is then set by
    itself to come as near as it can, if that is within DRIFT of its proportion. What else there is
    keeps its size: inputs, depth, kernels.

    Args:
        encoder: the class.
        arguments: what it is to be built with; of those left out the defaults count.
        size: the parameters that count, with such arguments.
        params: how many there shall be.

    Raises:
        ConfigError: the encoder declares no widths, or such as make it no larger; the narrowest has
            too many parameters; or no width comes near enough.
    """
    given = _given(encoder, arguments)
    widths = encoder.widths(given)
    if widths is None:
        raise ConfigError(
            "budget.params",
            expected="null for a model without a width to solve for",
            got=f"{params:,} for {encoder.__name__}",
            remedy="leave it out, or declare what makes it wider: see Encoder.widths",
        )
    try:
        number = nearest(
            lambda n: size(widths.at(n, given)),
            params,
            start=_steps(widths, given),
            close=BUDGET_TOLERANCE,
        )
        # Where the last, too, moves in steps too coarse, it may fit beside another first.
        others = (widths.at(number + move, given) for move in _MOVES if number + move > 0)
        tried = others if len(widths.names) > 1 else ()
        tuned = (each for other in tried if (each := _tuned(other, size, params)) is not None)
        found = next(tuned, widths.at(number, given))
    except DoesNotGrow as error:
        raise ConfigError(
            "budget.params",
            expected=f"null for a model that {' and '.join(widths.names)} make no larger",
            got=f"{params:,} for {encoder.__name__}",
            remedy="declare what makes it wider: see Encoder.widths",
        ) from error
    if not _is_near(size(found), params):
        around = [widths.at(number + move, given) for move in (-1, 0, 1) if number + move > 0]
        raise _out_of_reach(around, size, params)
    return found


def buildable_widths(model: Any, arguments: Mapping[str, Any]) -> dict[str, int]:
    """Widths near those of the arguments with which a model can be built; none where it has none.

    The arguments' own may be such that the heads do not divide them: they are replaced anyway.

    Args:
        model: an encoder's class, or something else that makes one.
        arguments: as in `solved_widths`.
    """
    if not (isinstance(model, type) and issubclass(model, Encoder)):
        return {}
    given = _given(model, arguments)
    widths = model.widths(given)
    return {} if widths is None else widths.at(_steps(widths, given), given)


def _steps(widths: Widths, given: Mapping[str, Any]) -> int:
    return max(1, int(given[widths.names[0]]) // widths.step)


def _is_near(reached: int, params: int) -> bool:
    return abs(reached - params) <= BUDGET_TOLERANCE * params


def _tuned(widths: Mapping[str, int], size: Size, params: int) -> dict[str, int] | None:
    """With the last of the arguments set by itself; None where that leads nowhere or too far."""
    last = list(widths)[-1]
    start = widths[last]
    try:
        width = nearest(
            lambda n: size({**widths, last: n}), params, start=start, close=BUDGET_TOLERANCE
        )
    except DoesNotGrow:  # others may
        return None
    found = {**widths, last: width}
    drift = max(width / start, start / width)
    return found if drift <= DRIFT and _is_near(size(found), params) else None


def num_parameters(module: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def without_weights(build: Callable[[], M]) -> M:
    """A module whose tensors have shapes and no values, where it can be built so; else with values.

    Random generators are afterwards as before.
    """
    random = random_state(_CPU)
    try:
        with torch.device("meta"):
            return build()
    except ConfigError:
        raise
    except Exception:  # it looks at values while it is made: whatever that raises
        return build()
    finally:
        set_random_state(random, _CPU)


def _given(encoder: type[Encoder], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, and the defaults of those left out."""
    parameters = inspect.signature(encoder).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    return {**defaults, **arguments}


def _out_of_reach(around: Sequence[Mapping[str, int]], size: Size, params: int) -> ConfigError:
    """With the sizes of the nearest models in the config's proportions, to ask for one of them."""
    sizes = [size(widths) for widths in around]
    told = ", ".join(
        f"{count:,} with {' '.join(f'model.{name}={width}' for name, width in widths.items())}"
        for count, widths in zip(sizes, around, strict=True)
    )
    expected = f"a size that the model has within {100 * BUDGET_TOLERANCE:.0f} % ({told})"
    remedy = "choose one of these"
    if params < min(sizes):
        expected, remedy = f"at least {min(sizes):,}, the size of the narrowest model", "raise it"
    return ConfigError("budget.params", expected=expected, got=f"{params:,}", remedy=remedy)
