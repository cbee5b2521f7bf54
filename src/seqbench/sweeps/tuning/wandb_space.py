"""A search as a sweep definition of W&B's, whose server then draws the trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqbench.errors import ConfigError
from seqbench.sweeps.tuning.objectives import Objective
from seqbench.sweeps.tuning.settings import SWEEPER
from seqbench.sweeps.tuning.space import Choice, Hyperparameter, Integers, Reals, Space
from seqbench.sweeps.wandb_export import Definition, Parameter, for_agents, value_of


def of_search(
    space: Space,
    *,
    objectives: Sequence[Objective],
    sampler: str,
    n_trials: int,
    logger: Mapping[str, Any],
) -> Definition:
    """The definition of a search.

    Args:
        space: what is searched.
        objectives: what is to be best; W&B knows one.
        sampler: Optuna's, by name: a random one stays random, for any other W&B has its own.
        n_trials: runs at most.
        logger: the runs' `logger` node.

    Raises:
        ConfigError: there are several objectives.
    """
    if len(objectives) > 1:
        raise ConfigError(
            f"{SWEEPER}.objective",
            expected="one: a W&B sweep has one metric",
            got=", ".join(each.name for each in objectives),
        )
    (objective,) = objectives
    return Definition(
        fixed=for_agents(space.fixed, logger),
        parameters={key.lstrip("+"): _parameter(item) for key, item in space.searched.items()},
        method="random" if "random" in sampler.lower() else "bayes",
        metric=(_metric(objective), objective.higher_is_better),
        run_cap=n_trials,
    )


def _metric(objective: Objective) -> str:
    """What the mirror calls it: a score at the best checkpoint, as Optuna would see it."""
    if objective.is_validated:
        return f"best/{objective.name}"
    return objective.name.replace(".", "/", 1)


def _parameter(item: Hyperparameter) -> Parameter:
    if isinstance(item, Choice):
        return {"values": [value_of(text) for text in item.texts.values()]}
    assert isinstance(item, Integers | Reals)
    ends = {"min": item.low, "max": item.high}
    if item.low == item.high:
        return {"value": item.low}
    if item.step not in (None, 1):
        return {"values": _stepped(item)}  # W&B would count multiples of the step, from 0 on
    if isinstance(item, Integers):
        if item.log:
            return {"distribution": "q_log_uniform_values", **ends, "q": 1}
        return {"distribution": "int_uniform", **ends}
    if item.step:
        return {"values": _stepped(item)}
    return {"distribution": "log_uniform_values" if item.log else "uniform", **ends}


def _stepped(item: Integers | Reals) -> list[Any]:
    assert item.step is not None
    count = round((item.high - item.low) / item.step) + 1
    values = [item.low + number * item.step for number in range(count)]
    return [value_of(repr(value)) for value in values]
