"""What is to be best: a validation score at the best checkpoint, or a figure of the cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from seqbench.config.suggest import did_you_mean, listed, nearest
from seqbench.errors import ConfigError, SeqbenchError
from seqbench.records.record import Cost, RunRecord
from seqbench.sweeps.child import referenced
from seqbench.sweeps.tuning.settings import SWEEPER, Direction, TuningSettings

_VALIDATION, _COST = "validation/", "cost."
_HIGHER = frozenset({"accuracy", "macro_f1", "tokens_per_second"})
_LOWER = frozenset({"loss", "perplexity", "bits_per_character", "calibration_error"})
_FIGURES = tuple(field.name for field in fields(Cost))
_KEY, _WAYS = f"{SWEEPER}.objective", f"{SWEEPER}.directions"


class NoValue(SeqbenchError):
    """A number that this run does not have, or that is none: its trial has failed."""

    @classmethod
    def of(cls, name: str, got: str) -> NoValue:
        """That of an objective."""
        return cls(name, expected="a finite number", got=got)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One number of a record.

    Attributes:
        name: as the user says it: "validation/accuracy", "cost.parameters".
        higher_is_better: its direction.
    """

    name: str
    higher_is_better: bool

    @property
    def direction(self) -> Direction:
        """As Optuna calls it."""
        return "maximize" if self.higher_is_better else "minimize"

    @property
    def is_validated(self) -> bool:
        """Whether running trials tell of it."""
        return self.name.startswith(_VALIDATION)

    def of(self, record: RunRecord) -> float:
        """The number.

        Raises:
            ConfigError: the run has validations, and none has it.
            NoValue: it was NaN or infinite, or could not be counted for this run.
        """
        if not self.is_validated:
            value, lacks = getattr(record.cost, self.name.removeprefix(_COST)), "nothing"
        elif (name := self.name.removeprefix(_VALIDATION)) in record.scores.validation:
            value, lacks = record.scores.validation[name], "NaN or infinity"
        else:
            raise self._unlogged(list(record.scores.validation))
        if value is None or not math.isfinite(value):
            got = lacks if value is None else "NaN or infinity"
            raise NoValue.of(self.name, got)
        return float(value)

    def in_row(self, row: Mapping[str, Any]) -> float | None:
        """The number in a row of a run's history; NaN for one not finite, None in other rows.

        Raises:
            ConfigError: the row is a validation's, and lacks it.
        """
        if self.name in row:
            return float("nan") if row[self.name] is None else float(row[self.name])
        logged = [name.removeprefix(_VALIDATION) for name in row if name.startswith(_VALIDATION)]
        if logged:
            raise self._unlogged(logged)
        return None

    def _unlogged(self, logged: Sequence[str]) -> ConfigError:
        names = [f"{_VALIDATION}{name}" for name in logged]
        return ConfigError(
            _KEY,
            expected=f"one of what these runs log ({listed(names)})",
            got=self.name,
            remedy=did_you_mean(nearest(self.name, names)),
        )


def kind_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What decides which scores a run logs: its task and its model."""
    return tuple(str((config.get(node) or {}).get("_target_")) for node in ("task", "model"))


def objectives_of(settings: TuningSettings, config: Mapping[str, Any]) -> tuple[Objective, ...]:
    """The objectives of a search.

    Args:
        settings: the sweeper's.
        config: of one of its runs, for the task's primary metric.

    Raises:
        ConfigError: a name that no record has, a direction that is not known, or not one for each.
    """
    said, ways = settings.objective, settings.directions
    if said == []:
        raise ConfigError(_KEY, expected="an objective, or null", got="[]")
    names = [said] if said is None or isinstance(said, str) else list(said)
    directions: list[Direction | None] = [None] * len(names)
    if ways is not None:
        directions = [ways] if isinstance(ways, str) else list(ways)
    if len(directions) != len(names):
        raise ConfigError(
            _WAYS, expected=f"{len(names)}, one for each objective", got=str(len(directions))
        )
    found = [_objective(n, d, config) for n, d in zip(names, directions, strict=True)]
    if len({each.name for each in found}) < len(found):
        raise ConfigError(_KEY, expected="each objective once", got=", ".join(map(str, names)))
    return tuple(found)


def _objective(
    name: str | None, direction: Direction | None, config: Mapping[str, Any]
) -> Objective:
    if name is None:
        primary = _primary(config)
        name, known = f"{_VALIDATION}{primary.name}", bool(primary.higher_is_better)
        higher = known if direction is None else direction == "maximize"
        return Objective(name=name, higher_is_better=higher)
    _check_name(name)
    if direction is not None:
        return Objective(name=name, higher_is_better=direction == "maximize")
    bare = name.removeprefix(_VALIDATION).removeprefix(_COST)
    if name.startswith(_VALIDATION) and bare not in _HIGHER | _LOWER:
        raise ConfigError(
            _WAYS,
            expected=f"minimize or maximize, since which way {name} is better is not known",
            got="null",
        )
    return Objective(name=name, higher_is_better=bare in _HIGHER)


def _check_name(name: str) -> None:
    if name.startswith("test"):
        raise ConfigError(
            _KEY,
            expected="a score of the validation split: a search must not see the test split",
            got=name,
            remedy=f"say validation/{name.partition('/')[2]}" if "/" in name else "",
        )
    if name.startswith(_COST) and name.removeprefix(_COST) not in _FIGURES:
        near = nearest(name.removeprefix(_COST), _FIGURES)
        raise ConfigError(
            _KEY,
            expected=f"one of {listed(f'{_COST}{figure}' for figure in _FIGURES)}",
            got=name,
            remedy=did_you_mean(f"{_COST}{near}" if near else None),
        )
    if not name.startswith((_COST, _VALIDATION)):
        raise ConfigError(
            _KEY,
            expected="validation/<metric> or cost.<figure>",
            got=name,
            remedy=f"did you mean validation/{name}?",
        )


def _primary(config: Mapping[str, Any]) -> Any:
    """The primary metric that the config's task has for all its runs."""
    target = str((config.get("task") or {}).get("_target_", ""))
    module, _, name = target.rpartition(".")
    try:
        task: Any = referenced(f"{module}:{name}")
        return task.primary
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            _KEY,
            expected="validation/<metric>, since the task names no primary metric",
            got="null",
        ) from error
