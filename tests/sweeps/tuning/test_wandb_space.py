"""A search as a W&B sweep: its server draws values, and each draw is a run of the space."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Ended
from tests.sweeps.test_wandb_export import expanded, exported, job_of
from tests.sweeps.tuning.conftest import arguments

from seqbench.sweeps.tuning.objectives import Objective
from seqbench.sweeps.tuning.space import Choice, Integers, Reals, Space
from seqbench.sweeps.tuning.wandb_space import of_search

SPACE = [
    "optimizer.lr=tag(log, interval(1e-4, 1e-2))", "model.d_hidden=int(interval(8, 64))",
    "model.dropout=range(0.1,0.6,0.2)", "model.sizes=[1],[2,3]", "trainer.max_steps=null,5",
    "seed=3",
]  # fmt: skip


@pytest.fixture
def export(cli: Callable[..., Ended], out: Path) -> Callable[..., Ended]:
    """Exports that search."""

    def run(*more: str) -> Ended:
        return cli("sweep", *arguments(out, "study=search", *SPACE, *more, "export=wandb"))

    return run


def drawn(parameters: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Values as W&B's server draws them; JSON on the way makes integers of whole numbers."""
    found: dict[str, Any] = {}
    for key, each in parameters.items():
        if "values" in each:
            found[key] = rng.choice(each["values"])
        elif each["distribution"] == "int_uniform":
            found[key] = rng.randint(each["min"], each["max"])
        else:
            assert each["distribution"] == "log_uniform_values"
            found[key] = math.exp(rng.uniform(math.log(each["min"]), math.log(each["max"])))
    return found


def test_every_draw_is_a_run_of_the_space(export: Callable[..., Ended], out: Path) -> None:
    ended = export("hydra.sweeper.n_trials=7", "hydra/sweeper/sampler=random")
    assert ended.code == 0, ended.err
    (document,) = exported(out / "search")
    assert document["method"] == "random"
    assert document["run_cap"] == 7
    assert document["metric"] == {"name": "best/validation/accuracy", "goal": "maximize"}
    assert ended.out.startswith(f"{out}/search/wandb_sweep.yaml: random, 7 runs\n")
    rng = random.Random(0)
    for _ in range(20):
        values = drawn(document["parameters"], rng)
        config = job_of(expanded(document["command"], values)).config
        assert config["seed"] == 3
        assert config["study"] == "search"
        assert config["optimizer"]["lr"] == values["optimizer.lr"]
        assert config["model"]["d_hidden"] == values["model.d_hidden"]
        assert config["model"]["dropout"] in (0.1, pytest.approx(0.3), 0.5)
        assert config["model"]["sizes"] in ([1], [2, 3])
        assert config["trainer"]["max_steps"] in (None, 5)


def test_a_pruner_is_left_out_and_that_is_said(export: Callable[..., Ended], out: Path) -> None:
    ended = export("hydra/sweeper/pruner=median", "hydra/launcher=pool")
    assert ended.code == 0
    assert "W&B's agent does not prune: " in ended.err
    assert exported(out / "search")[0]["method"] == "bayes"


def test_several_objectives_are_refused(export: Callable[..., Ended]) -> None:
    ended = export(
        "hydra.sweeper.objective=[validation/accuracy,cost.parameters]",
        "hydra.sweeper.directions=[maximize,minimize]",
    )
    assert ended.code == 2
    assert (
        "hydra.sweeper.objective: expected one: a W&B sweep has one metric, "
        "got validation/accuracy, cost.parameters"
    ) in ended.err


def test_distributions_and_metric() -> None:
    searched = [
        Integers(key="a", low=4, high=64, log=True),
        Integers(key="b", low=1, high=10, step=4),
        Integers(key="c", low=5, high=5),
        Reals(key="+d", low=0.0, high=1.0),
        Reals(key="e", low=0.0, high=1.0, step=0.5),
        Choice(key="f", texts={None: "null", 1e-3: "1e-3"}),
    ]
    definition = of_search(
        Space(searched={item.key: item for item in searched}),
        objectives=[Objective(name="cost.train_seconds", higher_is_better=False)],
        sampler="TPESampler",
        n_trials=9,
        logger={"wandb": {"mode": "auto"}},
    )
    assert definition.parameters == {
        "a": {"distribution": "q_log_uniform_values", "min": 4, "max": 64, "q": 1},
        "b": {"values": [1, 5, 9]},
        "c": {"value": 5},
        "d": {"distribution": "uniform", "min": 0.0, "max": 1.0},
        "e": {"values": ["0.0", 0.5, "1.0"]},
        "f": {"values": ["null", 0.001]},
    }
    assert definition.fixed == ()
    assert definition.metric == ("cost/train_seconds", False)
