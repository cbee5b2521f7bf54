"""What is to be best, by name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.stored import make_job
from tests.sweeps.tuning import jobs

from seqbench.errors import ConfigError
from seqbench.sweeps.tuning.objectives import NoValue, Objective, objectives_of
from seqbench.sweeps.tuning.settings import TuningSettings

CLASSIFICATION = {"task": {"_target_": "seqbench.tasks.classification.Classification"}}
LANGUAGE = {"task": {"_target_": "seqbench.tasks.language_modeling.LanguageModeling"}}
ACCURACY = Objective(name="validation/accuracy", higher_is_better=True)


def objectives(said: Any, directions: Any = None, config: Any = None) -> list[tuple[str, str]]:
    settings = TuningSettings(sampler={}, params={}, objective=said, directions=directions)
    return [(each.name, each.direction) for each in objectives_of(settings, config or {})]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (CLASSIFICATION, ("validation/accuracy", "maximize")),
        (LANGUAGE, ("validation/loss", "minimize")),
    ],
)
def test_by_default_it_is_the_tasks_primary_metric(config: Any, expected: Any) -> None:
    assert objectives(None, config=config) == [expected]


def test_directions_that_are_known_need_not_be_said() -> None:
    assert objectives(["validation/loss", "cost.parameters", "cost.tokens_per_second"]) == [
        ("validation/loss", "minimize"),
        ("cost.parameters", "minimize"),
        ("cost.tokens_per_second", "maximize"),
    ]
    assert objectives("validation/f_own", "maximize") == [("validation/f_own", "maximize")]


@pytest.mark.parametrize(
    ("said", "directions", "message"),
    [
        ("test/accuracy", None, "a search must not see the test split, got test/accuracy; say "
         "validation/accuracy"),
        ("accuracy", None, "expected validation/<metric> or cost.<figure>, got accuracy; did you "
         "mean validation/accuracy?"),
        ("cost.parameter", None, "got cost.parameter; did you mean cost.parameters?"),
        ("validation/own", None, "since which way validation/own is better is not known"),
        (["validation/loss", "cost.flops"], "minimize", "2, one for each objective, got 1"),
        (["cost.flops", "cost.flops"], None, "expected each objective once"),
        ([], None, "expected an objective, or null"),
        (None, None, "expected validation/<metric>, since the task names no primary metric"),
    ],
)  # fmt: skip
def test_what_is_no_objective(said: Any, directions: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        objectives(said, directions)
    assert message in caught.value.line()


@pytest.fixture
def record(tmp_path: Path) -> Any:
    model = {"d_hidden": 40, "_target_": "a.B"}
    job = make_job(tmp_path, model="lstm", optimizer={"lr": 10**-2.5})
    job.config["model"] = model
    return jobs.record_of(job, own=None)


def test_the_number_of_a_record(record: Any) -> None:
    assert ACCURACY.of(record) == 1.0
    assert Objective(name="cost.parameters", higher_is_better=False).of(record) == 1600.0
    with pytest.raises(NoValue):
        Objective(name="validation/own", higher_is_better=True).of(record)
    with pytest.raises(ConfigError, match=r"runs log \(validation/accuracy, .*, got validation/f1"):
        Objective(name="validation/f1", higher_is_better=True).of(record)


def test_a_figure_that_could_not_be_counted_is_this_runs_alone(record: Any) -> None:
    with pytest.raises(NoValue, match=r"cost\.flops: expected a finite number, got nothing"):
        Objective(name="cost.flops", higher_is_better=False).of(record)


def test_the_number_of_a_row_of_the_history() -> None:
    assert ACCURACY.in_row({"step": 1, "validation/accuracy": 0.5}) == 0.5
    assert ACCURACY.in_row({"step": 1, "train/loss": 0.5}) is None
    found = ACCURACY.in_row({"step": 1, "validation/accuracy": None})
    assert found is not None
    assert math.isnan(found)
    with pytest.raises(ConfigError, match="did you mean"):
        ACCURACY.in_row({"validation/acuracy": 0.5})
