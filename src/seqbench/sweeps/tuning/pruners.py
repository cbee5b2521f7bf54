"""Pruners as settings: what gives up a trial by its validations so far, counted from 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, SuccessiveHalvingPruner

from seqbench.domains import Bounds, NonNegativeInt, PositiveInt

Factor = Annotated[int, Bounds(low=2)]


@dataclass(frozen=True, kw_only=True)
class Median:
    """Gives up a trial whose best value so far is worse than the median of others at that point.

    Attributes:
        startup: trials that come to their end before the first is given up.
        warmup: validations of each trial that are left alone.
        interval: validations from one look to the next.
        least: values of other trials that a median is taken of at least.
    """

    startup: NonNegativeInt = 5
    warmup: NonNegativeInt = 0
    interval: PositiveInt = 1
    least: PositiveInt = 1

    def build(self) -> BasePruner:
        """Optuna's pruner."""
        return MedianPruner(
            n_startup_trials=self.startup,
            n_warmup_steps=self.warmup,
            interval_steps=self.interval,
            n_min_trials=self.least,
        )


@dataclass(frozen=True, kw_only=True)
class Asha:
    """Asynchronous successive halving (Li et al. 2020): of each rung the best 1/factor go on.

    Attributes:
        first: validations up to the first rung.
        factor: the next rung is so many times as far.
        skip: rungs that are left out at the beginning.
    """

    first: PositiveInt = 1
    factor: Factor = 2
    skip: NonNegativeInt = 0

    def build(self) -> BasePruner:
        """Optuna's pruner."""
        return SuccessiveHalvingPruner(
            min_resource=self.first,
            reduction_factor=self.factor,
            min_early_stopping_rate=self.skip,
        )


@dataclass(frozen=True, kw_only=True)
class Hyperband:
    """Hyperband (Li et al. 2018): successive halvings side by side, from bold to patient.

    Attributes:
        first: validations up to the first rung of the boldest.
        last: validations of a trial that comes to its end; None: one more than the first that came
            to their ends had.
        factor: the next rung is so many times as far.
    """

    first: PositiveInt = 1
    last: PositiveInt | None = None
    factor: Factor = 3

    def __post_init__(self) -> None:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"last {self.last} lies before first {self.first}: nothing is pruned")

    def build(self) -> BasePruner:
        """Optuna's pruner."""
        return HyperbandPruner(
            min_resource=self.first,
            max_resource="auto" if self.last is None else self.last,
            reduction_factor=self.factor,
        )
