"""Samplers as settings: what draws the hyperparameters of the next trial."""

from __future__ import annotations

from dataclasses import dataclass

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from seqbench.domains import NonNegativeInt, PositiveInt


@dataclass(frozen=True, kw_only=True)
class Random:
    """Random search (Bergstra and Bengio 2012): each trial is drawn by itself.

    The only one whose trials show what a tuning budget is expected to buy.
    """

    def build(self, seed: int) -> BaseSampler:
        """Optuna's sampler."""
        return RandomSampler(seed=seed)


@dataclass(frozen=True, kw_only=True)
class TPE:
    """Tree-structured Parzen estimator (Bergstra et al. 2011): goes where trials did well.

    Attributes:
        startup: trials drawn at random before it has seen enough.
        candidates: draws from the model, of which the best is tried.
        multivariate: model hyperparameters together rather than one by one.
        constant_liar: count trials that still run as bad ones, so that parallel ones differ.
    """

    startup: NonNegativeInt = 10
    candidates: PositiveInt = 24
    multivariate: bool = False
    constant_liar: bool = True

    def build(self, seed: int) -> BaseSampler:
        """Optuna's sampler."""
        return TPESampler(
            n_startup_trials=self.startup,
            n_ei_candidates=self.candidates,
            multivariate=self.multivariate,
            constant_liar=self.constant_liar,
            seed=seed,
        )
