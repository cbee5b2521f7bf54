"""What is searched: Hydra's sweep syntax as hyperparameters, each with the values it may take."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    RangeSweep,
    Sweep,
)
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from seqbench.config.engine import Groups
from seqbench.config.overrides import parse
from seqbench.errors import ConfigError, ConfigErrors
from seqbench.records.identity import EXCLUDED
from seqbench.sweeps.grid import param_line

Value = str | int | float | bool | None
_LOG = "log"


@dataclass(frozen=True, kw_only=True)
class Hyperparameter(ABC):
    """A key that is searched.

    Attributes:
        key: the override's, e.g. "optimizer.lr"; Optuna's name for it.
    """

    key: str

    @abstractmethod
    def distribution(self) -> BaseDistribution:
        """As Optuna draws it."""

    @abstractmethod
    def corners(self) -> list[Value]:
        """The values at its ends; every one of a choice."""

    @abstractmethod
    def __str__(self) -> str:
        """Its values, as a user would write them."""

    def line(self, value: Value) -> str:
        """The override that sets it."""
        return f"{self.key}={value!r}"


@dataclass(frozen=True, kw_only=True)
class Choice(Hyperparameter):
    """One of some values.

    Attributes:
        texts: by the value that Optuna knows, what to write in the override.
    """

    texts: dict[Value, str]

    def distribution(self) -> CategoricalDistribution:
        """As Optuna draws it."""
        return CategoricalDistribution(list(self.texts))

    def corners(self) -> list[Value]:
        """Every value."""
        return list(self.texts)

    def line(self, value: Value) -> str:
        """The override that sets it."""
        return f"{self.key}={self.texts[value]}"

    def __str__(self) -> str:
        return ",".join(self.texts.values())


@dataclass(frozen=True, kw_only=True)
class Integers(Hyperparameter):
    """A whole number, both ends inside."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def distribution(self) -> IntDistribution:
        """As Optuna draws it."""
        return IntDistribution(self.low, self.high, log=self.log, step=self.step)

    def corners(self) -> list[Value]:
        """Both ends."""
        return [self.low, self.high]

    def __str__(self) -> str:
        step = f" by {self.step}" if self.step > 1 else ""
        return f"{self.low} to {self.high}{step}{', logarithmic' * self.log}"


@dataclass(frozen=True, kw_only=True)
class Reals(Hyperparameter):
    """A number, both ends inside; with a step one of a grid."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def distribution(self) -> FloatDistribution:
        """As Optuna draws it."""
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def corners(self) -> list[Value]:
        """Both ends."""
        return [self.low, self.high]

    def __str__(self) -> str:
        step = f" by {self.step:g}" if self.step else ""
        return f"{self.low:g} to {self.high:g}{step}{', logarithmic' * self.log}"


@dataclass(frozen=True, kw_only=True)
class Space:
    """All that is searched, and what is the same for every trial.

    Attributes:
        searched: the hyperparameters, by key.
        fixed: overrides.
    """

    searched: Mapping[str, Hyperparameter]
    fixed: tuple[str, ...] = ()

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """As Optuna draws them, by key."""
        return {key: item.distribution() for key, item in self.searched.items()}

    def lines(self, values: Mapping[str, Value]) -> tuple[str, ...]:
        """The overrides of a trial with these values."""
        return (*self.fixed, *(item.line(values[key]) for key, item in self.searched.items()))

    def corners(self) -> list[tuple[str, ...]]:
        """The overrides of trials that have every end and every choice of each hyperparameter."""
        ends = [item.corners() for item in self.searched.values()]
        rows = itertools.zip_longest(*ends)
        first = [values[0] for values in ends]
        full = [
            [now if now is not None or at < len(values) else start
             for now, start, values in zip(row, first, ends, strict=True)]
            for at, row in enumerate(rows)
        ]  # fmt: skip
        return [self.lines(dict(zip(self.searched, row, strict=True))) for row in full]


def read_space(arguments: Sequence[str], params: Mapping[str, Any], groups: Groups) -> Space:
    """The space that command line and experiment give.

    Args:
        arguments: the command line's overrides, whose word on a key counts more.
        params: the experiment's: `{"optimizer.lr": "tag(log, interval(1e-4, 1e-2))"}`.
        groups: for `glob`.

    Raises:
        ConfigErrors: what cannot be read or searched; nothing to search.
    """
    errors: list[ConfigError] = []
    found: dict[str, Hyperparameter | str] = {}
    for line in [*(param_line(key, value) for key, value in params.items()), *arguments]:
        try:
            override = parse(line)
            name = f"~{_key(override)}" if override.is_delete() else _key(override)
            found[name] = (
                _hyperparameter(override, groups) if override.is_sweep_override() else line
            )
        except ConfigError as error:
            errors.append(error)
    searched = {key: item for key, item in found.items() if isinstance(item, Hyperparameter)}
    if not searched and not errors:
        errors.append(
            ConfigError(
                "hydra.sweeper.params",
                expected="hyperparameters to search",
                got="none",
                remedy="say e.g. 'optimizer.lr=tag(log, interval(1e-4, 1e-2))'",
            )
        )
    if errors:
        raise ConfigErrors(errors)
    return Space(
        searched=searched, fixed=tuple(item for item in found.values() if isinstance(item, str))
    )


def _key(override: Override) -> str:
    """With its package, which is no part of a group's name: whoever reads it refuses it."""
    package = "" if override.package is None else f"@{override.package}"
    return f"{override.key_or_group}{package}"


def _hyperparameter(override: Override, groups: Groups) -> Hyperparameter:
    key, said = _key(override), (override.input_line or "").partition("=")[2]
    if key == "seed" or key in EXCLUDED or key.partition(".")[0] in EXCLUDED:
        raise ConfigError(
            key,
            expected="a hyperparameter",
            got=f"{said}, which is none",
            remedy="the winner is run on fresh seeds: hydra.sweeper.retrain_best"
            if key == "seed"
            else "give it one value",
        )
    value = override.value()
    if isinstance(value, Glob):
        return _choice(key, {name: name for name in value.filter(groups.options(key))}, said)
    assert isinstance(value, Sweep)
    logarithmic = _is_logarithmic(key, value)
    if isinstance(value, IntervalSweep):
        return _interval(key, value, said, logarithmic=logarithmic)
    if isinstance(value, RangeSweep):
        return _range(key, value, said, logarithmic=logarithmic)
    if logarithmic:
        raise ConfigError(key, expected="an interval or a range to be logarithmic", got=said)
    assert isinstance(value, ChoiceSweep)
    texts = list(dict.fromkeys(map(str, override.sweep_string_iterator())))
    plain = {_plain(text): text for text in texts}
    # True is 1 to a dictionary: values that it would take for one another are told by their texts.
    return _choice(key, plain if len(plain) == len(texts) else {t: t for t in texts}, said)


def _is_logarithmic(key: str, sweep: Sweep) -> bool:
    strange = sorted(set(sweep.tags) - {_LOG})
    if strange:
        raise ConfigError(key, expected=f"no tag but {_LOG}", got=f"tag({', '.join(strange)}, …)")
    return _LOG in sweep.tags


def _choice(key: str, texts: dict[Value, str], said: str) -> Choice:
    if not texts:
        raise ConfigError(key, expected="values to search", got=f"none in {said}")
    return Choice(key=key, texts=texts)


def _interval(key: str, sweep: IntervalSweep, said: str, *, logarithmic: bool) -> Hyperparameter:
    low, high = sweep.start, sweep.end
    assert low is not None and high is not None
    _check_ends(key, low, high, said, logarithmic=logarithmic)
    if isinstance(low, int) and isinstance(high, int):
        return Integers(key=key, low=low, high=high, log=logarithmic)
    return Reals(key=key, low=float(low), high=float(high), log=logarithmic)


def _range(key: str, sweep: RangeSweep, said: str, *, logarithmic: bool) -> Hyperparameter:
    """As in a grid, the end itself is left out; a range that counts down is one that counts up."""
    assert sweep.start is not None and sweep.stop is not None
    given = (sweep.start, sweep.stop, sweep.step)
    if not all(map(math.isfinite, given)):
        raise ConfigError(key, expected="finite numbers", got=said)
    # As they are written: in binary 3 x 0.3 is less than 0.9, and Optuna would leave it out.
    start, stop, step = (Decimal(str(item)) for item in given)
    count = math.ceil((stop - start) / step) if step else 0
    if count < 1:
        raise ConfigError(key, expected="values to search", got=f"none in {said}")
    last = start + (count - 1) * step
    low, high, step = min(start, last), max(start, last), abs(step)
    _check_ends(key, float(low), float(high), said, logarithmic=logarithmic)
    if logarithmic and step != 1:
        raise ConfigError(key, expected="a step of 1 where it is logarithmic", got=said)
    if all(isinstance(item, int) for item in given):
        return Integers(key=key, low=int(low), high=int(high), step=int(step), log=logarithmic)
    if logarithmic:
        raise ConfigError(key, expected="whole numbers, or an interval", got=said)
    return Reals(key=key, low=float(low), high=float(high), step=float(step))


def _check_ends(key: str, low: float, high: float, said: str, *, logarithmic: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ConfigError(key, expected="two finite ends, the lower first", got=said)
    if logarithmic and low <= 0:
        raise ConfigError(key, expected="an interval above 0 to be logarithmic", got=said)


def _plain(text: str) -> Value:
    """What Optuna calls a value: the number or word itself where it stands for itself."""
    value = parse(f"x={text}").value()
    if isinstance(value, bool | int | float) or value is None:
        return value
    return text
