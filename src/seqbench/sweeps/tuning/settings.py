"""`hydra.sweeper` of `hydra/sweeper=optuna`, checked."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, BruteForceSampler, GridSampler, RandomSampler

from seqbench.config.instantiate import instantiate
from seqbench.config.validate import node_mistakes
from seqbench.domains import NonNegativeInt, PositiveInt
from seqbench.errors import ConfigError, ConfigErrors, kind_and_line

Direction = Literal["minimize", "maximize"]
Node = dict[str, Any]
SWEEPER = "hydra.sweeper"


@dataclass(frozen=True, kw_only=True)
class TuningSettings:
    """How to search.

    Attributes:
        sampler: what draws the next trial: a node of `samplers`, or of an Optuna sampler.
        pruner: what gives up trials early: a node of `pruners`, or of an Optuna pruner; None trains
            every trial to its end.
        params: the hyperparameters, by key, in Hydra's sweep syntax.
        n_trials: trials that the study is to have in the end, pruned and failed ones too.
        objective: what is to be best: None for the task's primary metric on the validation split,
            else `validation/<metric>`, `cost.<figure>`, or a list of these.
        directions: of each objective; None where they are known.
        storage: SQLAlchemy's URL of the database; None for SQLite in the study's folder.
        seed: of the sampler.
        parallel: trials at once at most; None for as many as the launcher runs.
        retrain_best: fresh seeds on which the winner is run again.
    """

    sampler: Node
    pruner: Node | None = None
    params: Node
    n_trials: PositiveInt = 20
    objective: str | list[str] | None = None
    directions: Direction | list[Direction] | None = None
    storage: str | None = None
    seed: NonNegativeInt = 0
    parallel: PositiveInt | None = None
    retrain_best: NonNegativeInt = 5

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> TuningSettings:
        """The settings of `hydra.sweeper`, resolved.

        Raises:
            ConfigErrors: every mistake there is.
        """
        named = {**node, "_target_": f"{cls.__module__}.{cls.__qualname__}"}
        errors = node_mistakes(named, SWEEPER)
        if errors:
            raise ConfigErrors(errors)
        return cls(**node)

    @property
    def at_random(self) -> bool:
        """Whether trials are drawn independently of what was seen."""
        return type(self.build_sampler(self.seed)) is RandomSampler

    def build_sampler(self, seed: int) -> BaseSampler:
        """Optuna's sampler.

        Raises:
            ConfigError: the node is none of a sampler, or of one that decides when to stop.
        """
        made = self._sampler()
        with _one_line("sampler"):
            found = made.build(seed) if hasattr(made, "build") else made(seed)
        if isinstance(found, GridSampler | BruteForceSampler):
            raise ConfigError(
                f"{SWEEPER}.sampler._target_",
                expected="a sampler that can go on for ever",
                got=type(found).__name__,
                remedy="hydra/sweeper=grid tries every combination",
            )
        return _checked(found, BaseSampler, "sampler")  # type: ignore[no-any-return]

    def build_pruner(self) -> BasePruner:
        """Optuna's pruner, which prunes nothing where there is none.

        Raises:
            ConfigError: the node is none of a pruner.
        """
        if self.pruner is None:
            return NopPruner()
        made = instantiate(self.pruner, f"{SWEEPER}.pruner")
        with _one_line("pruner"):
            made = made.build() if hasattr(made, "build") else made
        return _checked(made, BasePruner, "pruner")  # type: ignore[no-any-return]

    def _sampler(self) -> Any:
        key, target = f"{SWEEPER}.sampler", self.sampler.get("_target_")
        if target is None or str(target).startswith("seqbench."):
            return instantiate(self.sampler, key)
        # One of Optuna's own or of the user's: seeded where it can be.
        return partial(_seeded, instantiate({**self.sampler, "_partial_": True}, key))


def name_of(node: Mapping[str, Any] | None) -> str | None:
    """The class that a node names."""
    return None if node is None else str(node["_target_"]).rpartition(".")[2]


def _seeded(made: Any, seed: int) -> Any:
    takes = inspect.signature(made).parameters
    return made(seed=seed) if "seed" in takes and "seed" not in made.keywords else made()


@contextmanager
def _one_line(what: str) -> Iterator[None]:
    """What Optuna says of arguments, or of a package that is not there, as an error of ours."""
    try:
        yield
    except (ImportError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{SWEEPER}.{what}",
            expected=f"arguments that make an Optuna {what}",
            got=kind_and_line(error),
        ) from error


def _checked(found: Any, kind: type, what: str) -> Any:
    if not isinstance(found, kind):
        raise ConfigError(
            f"{SWEEPER}.{what}._target_",
            expected=f"an Optuna {what}, or what builds one",
            got=type(found).__name__,
        )
    return found
