"""A whole sweep: planned, frozen, executed, with failures and Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqbench.config.compose import compose_job
from seqbench.config.job import Job, thaw
from seqbench.errors import ConfigErrors, DataError
from seqbench.records.folder import RunFolder
from seqbench.sweeps import composer
from seqbench.sweeps.command import run_sweep
from seqbench.sweeps.execute import Outcome, attempt, exit_code, summary
from seqbench.sweeps.plan import Plan

TOYS = [
    *(f"{group}=toy" for group in ("data", "tokenizer", "inputs", "optimizer", "scheduler")),
    "trainer=toy", "callbacks=none", "logger=none",
]  # fmt: skip
Sweep = Callable[..., Plan]
DONE = SimpleNamespace(status="completed", error=None)


@pytest.fixture
def argv(toy_dir: Path, tmp_path: Path) -> list[str]:
    """Arguments that every sweep here begins with."""
    return ["--config-dir", str(toy_dir), *TOYS, f"paths.outputs={tmp_path / 'out'}"]


@pytest.fixture
def sweep(argv: list[str]) -> Callable[..., int]:
    """Runs `seqbench sweep` with a function of the plan."""

    def run(function: Callable[[Plan], Any], *overrides: str) -> int:
        return run_sweep([*argv, *overrides], lambda plan: function(plan) or 0)

    return run


def planned(argv: list[str], *overrides: str) -> Plan:
    """The plan alone; it can be looked at, not executed."""
    plans: list[Plan] = []
    run_sweep([*argv, *overrides], lambda plan: plans.append(plan) or 0)
    return plans[0]


def test_the_jobs_of_a_grid(argv: list[str]) -> None:
    plan = planned(argv, "model=toy,wide", "seed=0,1", "dry_run=true")
    assert [(job.config["choices"]["model"], job.seed) for job in plan.jobs] == [
        ("toy", 0), ("toy", 1), ("wide", 0), ("wide", 1),
    ]  # fmt: skip
    assert plan.settings == {"dry_run": True, "report": True}
    assert "dry_run" not in plan.jobs[0].config


def test_a_swept_job_is_the_run_that_train_would_do(argv: list[str], toy_dir: Path) -> None:
    plan = planned(argv, "model=toy,wide", "seed=0,1", "optimizer.lr=1e-4,1e-5")
    for job in plan.jobs:
        alone = compose_job(job.overrides, config_dirs=[toy_dir])
        assert alone.run_id == job.run_id
        assert alone.config == job.config


def test_an_experiments_grid(argv: list[str]) -> None:
    plan = planned(argv, "experiments=grid", "seed=0,1")
    names = [job.config["choices"]["model"] for job in plan.jobs]
    assert names == ["toy", "toy", "wide", "wide", "toy"]
    assert [job.config["model"].get("d_hidden") for job in plan.jobs] == [8, 8, None, None, 99]
    assert plan.study == "grid"


def test_two_ways_to_say_one_run_are_one_job(argv: list[str]) -> None:
    assert len(planned(argv, "model=toy", "optimizer.lr=1e-3,0.001,1.0e-3").jobs) == 1


def test_interpolations_follow_each_jobs_values(argv: list[str]) -> None:
    plan = planned(argv, "model=toy", "model.d_hidden=${seed}", "seed=3,4")
    assert [job.config["model"]["d_hidden"] for job in plan.jobs] == [3, 4]


def test_a_users_class_among_options(argv: list[str]) -> None:
    plan = planned(argv, "model._target_=toy_parts.WideEncoder", "seed=0,1")
    assert [job.config["choices"]["model"] for job in plan.jobs] == ["wide_encoder"] * 2


def test_mistakes_of_all_jobs_at_once_before_any_starts(argv: list[str]) -> None:
    with pytest.raises(ConfigErrors) as caught:
        planned(argv, "model=toy,wide,wied", "seed=0,-1", "model.width=3", "sede=1")
    assert sorted(line.partition(";")[0] for line in caught.value.line().splitlines()) == [
        "model.width: expected a key of Encoder, got 3",
        "model: expected one of " + _options(caught.value.line()) + ", got wied",
        "sede: expected a key of the configuration, got 1",
        "seed: expected an integer in [0, 4294967295], got -1",
    ]


def _options(text: str) -> str:
    line = next(line for line in text.splitlines() if line.startswith("model: "))
    return line.removeprefix("model: expected one of ").partition(", got ")[0]


def test_an_unknown_key_of_the_sweeper(argv: list[str]) -> None:
    with pytest.raises(ConfigErrors, match=r"hydra\.sweeper\.parms"):
        planned(argv, "model=toy", "hydra.sweeper.parms=3")


def test_a_sweeper_that_makes_no_plan(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match="hydra/sweeper: expected grid, got one without a plan"):
        planned(argv, "model=toy", "hydra/sweeper=basic")


def test_every_job_is_frozen_before_the_first_starts(sweep: Any, tmp_path: Path) -> None:
    def verb(plan: Plan) -> int:
        def execute(job: Job) -> Any:
            assert all(thaw(other.folder) == other for other in plan.jobs)
            assert job == thaw(job.folder)
            return DONE

        outcomes = plan.execute(execute)
        assert [item.status for item in outcomes] == ["completed"] * 3
        return exit_code(outcomes)

    assert sweep(verb, "model=toy", "seed=0,1,2") == 0
    assert len(list((tmp_path / "out" / "default").iterdir())) == 3


def test_one_failed_job_stops_no_other(sweep: Any) -> None:
    ended: list[Outcome] = []

    def execute(job: Job) -> Any:
        if job.seed == 0:
            raise RuntimeError("no\nmemory")
        if job.seed == 1:
            raise DataError("imdb", expected="a mirror")
        if job.seed == 2:
            error = SimpleNamespace(type="ValueError", message="loss is nan")
            return SimpleNamespace(status="failed", error=error)
        return DONE

    def verb(plan: Plan) -> int:
        outcomes = plan.execute(execute, on_outcome=ended.append)
        assert ended == outcomes
        names = [job.run_id for job in plan.jobs]
        assert summary(outcomes) == [
            "4 runs: 1 completed, 3 failed",
            f"failed: {names[0]}: RuntimeError: no memory",
            f"failed: {names[1]}: imdb: expected a mirror",
            f"failed: {names[2]}: ValueError: loss is nan",
        ]
        return exit_code(outcomes)

    assert sweep(verb, "model=toy", "seed=0,1,2,3") == 1


def test_ctrl_c_ends_the_sweep(sweep: Any) -> None:
    def execute(job: Job) -> Any:
        if job.seed == 1:
            raise KeyboardInterrupt
        return DONE

    def verb(plan: Plan) -> int:
        outcomes = plan.execute(execute)
        assert [item.status for item in outcomes] == ["completed", "interrupted", "interrupted"]
        return exit_code(outcomes)

    assert sweep(verb, "model=toy", "seed=0,1,2") == 130


def test_a_launcher_of_ours_is_given_the_jobs(argv: list[str]) -> None:
    plan = planned(argv, "model=toy", "seed=0,1")
    seen: list[str] = []

    def launch(jobs: Any, execute: Any, ended: Any) -> None:
        for job in jobs:
            seen.append(job.run_id)
            ended(Outcome(job.run_id, "completed"))

    Plan(plan.jobs, {}, launch).execute(lambda job: DONE)
    assert seen == [job.run_id for job in plan.jobs]


def test_a_completed_run_keeps_its_config(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(argv, "model=toy", "tags=[new]")
    folder = RunFolder(plan.jobs[0].folder)
    folder.path.mkdir(parents=True)
    folder.config.write_text("as it was")
    monkeypatch.setattr(RunFolder, "read_record", lambda self: DONE)
    Plan(plan.jobs, {}, lambda *_: None).execute(lambda job: DONE)
    assert folder.config.read_text() == "as it was"


def test_a_torn_record_stops_no_other_run(argv: list[str]) -> None:
    plan = planned(argv, "model=toy", "seed=0,1")
    torn = RunFolder(plan.jobs[0].folder)
    torn.path.mkdir(parents=True)
    torn.record.write_text("{")

    def execute(job: Job) -> Any:
        RunFolder(job.folder).read_record()
        return DONE

    def launch(jobs: Any, execute: Any, ended: Any) -> None:
        for job in jobs:
            ended(attempt(job, execute))

    outcomes = Plan(plan.jobs, {}, launch).execute(execute)
    assert [item.status for item in outcomes] == ["failed", "completed"]
    assert "record.json: expected a record in JSON" in outcomes[0].reason


def test_a_thousand_jobs_are_planned(argv: list[str]) -> None:
    plan = planned(argv, "model=toy,wide", "seed=range(0,250)", "optimizer.lr=1e-2,1e-3")
    assert len(plan.jobs) == 1000


def test_the_short_way_to_set_values_comes_to_the_same(
    argv: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = [
        "model=toy", "seed=0,1", "optimizer.betas=[0.1,0.2]", "tags=['1e-3',x]", "study='null'",
        "data.files={train: a.csv}", "callbacks.progress=null", "trainer.extra.deep.key=1e-5",
        "model.cell.width=7",
    ]  # fmt: skip
    short = planned(argv, *overrides).jobs
    monkeypatch.setattr(composer, "_is_independent", lambda config: False)
    assert planned(argv, *overrides).jobs == short
