"""The widths at which a config's model has as many parameters as its budget says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from seqbench.errors import ConfigError
from seqbench.models.encoder import Encoder
from seqbench.models.widths import Widths
from seqbench.records.record import BUDGET_TOLERANCE
from seqbench.training.nearest import nearest
from seqbench.training.random_state import random_state, set_random_state

M = TypeVar("M", bound=nn.Module)
_MOVES = (-1, 1, -2, 2)
_CPU = torch.device("cpu")


def solved_widths(
    encoder: type[Encoder],
    arguments: Mapping[str, Any],
    size: Callable[[Mapping[str, int]], int],
    *,
    params: int,
) -> dict[str, int]:
    """The encoder's arguments with which the size is `params`, within BUDGET_TOLERANCE.

    They grow together as the encoder says (`Encoder.widths`); the last of several is then set by
    itself to come as near as it can. What else there is keeps its size: inputs, depth, kernels.

    Args:
        encoder: the class.
        arguments: what it is to be built with; of those left out the defaults count.
        size: the parameters that count, with such arguments.
        params: how many there shall be.

    Raises:
        ConfigError: the encoder declares no widths, the narrowest has too many parameters, or no
            width comes near enough.
    """
    given = {**_defaults(encoder), **arguments}
    widths = encoder.widths(given)
    if widths is None:
        raise ConfigError(
            "budget.params",
            expected="null for a model without a width to solve for",
            got=f"{params:,} for {encoder.__name__}",
            remedy="leave it out, or declare what makes it wider: see Encoder.widths",
        )
    number = nearest(
        lambda n: size(widths.at(n, given)),
        params,
        start=max(1, given[widths.names[0]] // widths.step),
        close=BUDGET_TOLERANCE,
    )
    found = widths.at(number, given)
    if len(widths.names) > 1:
        found = _tuned(found, size, params)
    if len(widths.names) > 1 and not _is_near(size(found), params):
        # Where the last, too, moves in steps too coarse, it may fit beside another first.
        others = (_tuned(widths.at(max(1, number + move), given), size, params) for move in _MOVES)
        found = next((each for each in others if _is_near(size(each), params)), found)
    if not _is_near(size(found), params):
        raise _out_of_reach(found, widths, size, params)
    return found


def _is_near(reached: int, params: int) -> bool:
    return abs(reached - params) <= BUDGET_TOLERANCE * params


def _tuned(
    found: dict[str, int], size: Callable[[Mapping[str, int]], int], params: int
) -> dict[str, int]:
    """With the last of the arguments set by itself."""
    last = list(found)[-1]
    start = found[last]
    width = nearest(lambda n: size({**found, last: n}), params, start=start, close=BUDGET_TOLERANCE)
    return {**found, last: width}


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
    except (NotImplementedError, RuntimeError):  # it looks at values while it is made
        return build()
    finally:
        set_random_state(random, _CPU)


def _defaults(encoder: type[Encoder]) -> dict[str, Any]:
    parameters = inspect.signature(encoder).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _out_of_reach(
    found: Mapping[str, int],
    widths: Widths,
    size: Callable[[Mapping[str, int]], int],
    params: int,
) -> ConfigError:
    """With what its neighbours have, so that one of them can be asked for."""
    reached = size(found)
    name, step = widths.names[-1], widths.step if len(widths.names) == 1 else 1
    around = [width for width in (found[name] + move * step for move in (-1, 0, 1)) if width > 0]
    sizes = {width: size({**found, name: width}) for width in around}
    told = ", ".join(f"{count:,} with model.{name}={width}" for width, count in sizes.items())
    expected = f"a size that the model has within {100 * BUDGET_TOLERANCE:.0f} % ({told})"
    remedy = "choose one of these"
    if reached > params and found[name] == min(around):
        expected, remedy = f"at least {reached:,}, the size of the narrowest model", "raise it"
    return ConfigError("budget.params", expected=expected, got=f"{params:,}", remedy=remedy)
