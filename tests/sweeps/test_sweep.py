"""A whole sweep: planned, frozen, executed, with failures and Ctrl-C."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.sweeps.seen import Seen
from tests.sweeps.stored import store

from seqbench.config.compose import compose_job
from seqbench.config.job import Job, freeze, thaw
from seqbench.errors import ConfigErrors, DataError, RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunError
from seqbench.sweeps import composer
from seqbench.sweeps.command import run_sweep
from seqbench.sweeps.execute import attempt, exit_code, summary
from seqbench.sweeps.feed import taken
from seqbench.sweeps.kept import forced
from seqbench.sweeps.plan import Plan
from seqbench.sweeps.state import survey

TOYS = [
    *(f"{group}=toy" for group in ("data", "tokenizer", "inputs", "optimizer", "scheduler")),
    "trainer=toy", "callbacks=none", "logger=none", "hydra/launcher=basic",
]  # fmt: skip
Sweep = Callable[..., Plan]
SETTINGS = {"rerun": None, "retry_failed": True}


def done(status: str = "completed", error: Any = None, **execution: Any) -> Any:
    """What executing a job gives back."""
    record = SimpleNamespace(status=status, error=error)
    return SimpleNamespace(**{"record": record, "was_complete": False, "stale": (), **execution})


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
    assert plan.settings == {
        "dry_run": True, "watch": False, "retry_failed": True, "rerun": None, "report": True,
        "export": None,
    }  # fmt: skip
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


def test_runs_of_several_studies_are_refused(argv: list[str]) -> None:
    with pytest.raises(ConfigErrors) as caught:
        planned(argv, "model=toy", "study=a,b")
    assert caught.value.line() == (
        "study: expected one for all runs of a sweep, got a, b; sweep each study by itself"
    )


def test_an_interpolation_that_nothing_resolves(
    argv: list[str], toy_dir: Path, tmp_path: Path
) -> None:
    mine = shutil.copytree(toy_dir, tmp_path / "mine")
    option = mine / "model" / "toy.yaml"
    option.write_text(option.read_text().replace("d_hidden: 8", "d_hidden: ${oc.env:NOPE_}"))
    arguments = [str(mine) if item == str(toy_dir) else item for item in argv]
    with pytest.raises(ConfigErrors, match="NOPE_"):
        planned(arguments, "model=toy", "seed=0,1")


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


@pytest.mark.parametrize("launcher", ["basic", "pool", "slurm", "ray"])
def test_a_sweeper_that_makes_no_plan(
    launcher: str, argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [item.replace("launcher=basic", f"launcher={launcher}") for item in argv]
    with pytest.raises(
        Exception, match="hydra/sweeper: expected grid or optuna, got one without a plan"
    ):
        planned(arguments, "model=toy", "hydra/sweeper=basic")


def test_every_job_is_frozen_before_the_first_starts(sweep: Any, tmp_path: Path) -> None:
    def verb(plan: Plan) -> int:
        def execute(job: Job) -> Any:
            assert all(thaw(other.folder) == other for other in plan.jobs)
            assert job == thaw(job.folder)
            return done()

        outcomes = plan.execute(execute, Seen())
        assert [item.status for item in outcomes] == ["completed"] * 3
        return exit_code(outcomes)

    assert sweep(verb, "model=toy", "seed=0,1,2") == 0
    assert len(list((tmp_path / "out" / "default").iterdir())) == 3


def test_one_failed_job_stops_no_other(sweep: Any) -> None:
    seen = Seen()

    def execute(job: Job) -> Any:
        if job.seed == 0:
            raise RuntimeError("no\nmemory")
        if job.seed == 1:
            raise DataError("imdb", expected="a mirror")
        if job.seed == 2:
            error = SimpleNamespace(type="ValueError", message="loss is nan")
            return done("failed", error)
        return done()

    def verb(plan: Plan) -> int:
        outcomes = plan.execute(execute, seen)
        assert seen.outcomes == outcomes
        names = [job.run_id for job in plan.jobs]
        assert summary(outcomes, plan.jobs) == [
            "4 runs: 1 completed, 3 failed",
            f"failed: {names[0]}: RuntimeError: no memory",
            f"  log: {plan.jobs[0].folder}/log.txt",
            f"failed: {names[1]}: imdb: expected a mirror",
            f"  log: {plan.jobs[1].folder}/log.txt",
            f"failed: {names[2]}: ValueError: loss is nan",
            f"  log: {plan.jobs[2].folder}/log.txt",
        ]
        return exit_code(outcomes)

    assert sweep(verb, "model=toy", "seed=0,1,2,3") == 1


def test_ctrl_c_ends_the_sweep(sweep: Any) -> None:
    def execute(job: Job) -> Any:
        if job.seed == 1:
            raise KeyboardInterrupt
        return done()

    def verb(plan: Plan) -> int:
        outcomes = plan.execute(execute, Seen())
        assert [item.status for item in outcomes] == ["completed", "interrupted", "interrupted"]
        return exit_code(outcomes)

    assert sweep(verb, "model=toy", "seed=0,1,2") == 130


class Now:
    """A launcher that executes at once; `prepare` says no to nothing."""

    def prepare(self, jobs: Any) -> int:
        return 3

    def launch(self, feed: Any, execute: Any, ended: Any, observer: Any, checks: Any = ()) -> bool:
        while jobs := taken(feed):
            for job in jobs:
                ended(attempt(job, execute))
        for job in checks:
            ended(attempt(job, execute))
        return False


def test_a_launcher_of_ours_is_given_the_jobs(argv: list[str]) -> None:
    plan, seen = planned(argv, "model=toy", "seed=0,1"), Seen()
    executed: list[str] = []

    def execute(job: Job) -> Any:
        executed.append(job.run_id)
        return done()

    Plan(plan.jobs, SETTINGS, Now()).execute(execute, seen)
    assert executed == [job.run_id for job in plan.jobs]
    assert seen.begun == (2, 3)


def test_what_a_launcher_can_never_do_is_refused_before_anything_is_written(
    argv: list[str], tmp_path: Path
) -> None:
    class Never(Now):
        def prepare(self, jobs: Any) -> int:
            raise ConfigErrors([])

    plan = planned(argv, "model=toy")
    with pytest.raises(ConfigErrors):
        Plan(plan.jobs, SETTINGS, Never()).execute(lambda job: done(), Seen())
    assert not list((tmp_path / "out").rglob("config.yaml"))


def test_a_completed_run_keeps_its_config(argv: list[str]) -> None:
    plan = planned(argv, "model=toy", "tags=[new]")
    job = plan.jobs[0]
    recorded(job, "completed")
    RunFolder(job.folder).config.write_text("as it was")
    Plan(plan.jobs, SETTINGS, Nothing()).execute(lambda job: done(), Seen())
    assert RunFolder(job.folder).config.read_text() == "as it was"


class Nothing(Now):
    """A launcher that comes to nothing."""

    def launch(self, *_: Any, **__: Any) -> bool:
        return False


def recorded(job: Job, status: str, **provenance: str) -> None:
    """Gives the job a record."""
    error = None if status == "completed" else RunError(type="OSError", message="no luck")
    store(job, status, error=error, **provenance)


def test_what_is_done_again_and_what_is_not(argv: list[str]) -> None:
    plan = planned(argv, "model=toy", "seed=0,1,2,3")
    for job, status in zip(plan.jobs, ("completed", "failed", "interrupted"), strict=False):
        recorded(job, status)

    def todo(jobs: Any = plan.jobs, **settings: Any) -> list[int]:
        chosen, _, _ = Plan(jobs, SETTINGS | settings, Now()).divided(survey(jobs))
        return [job.seed for job in chosen]

    assert todo() == [1, 2, 3]
    assert todo(retry_failed=False) == [2, 3]
    assert todo(tuple(forced(job) for job in plan.jobs)) == [0, 1, 2, 3]
    recorded(plan.jobs[0], "completed", code="another")
    assert todo() == [1, 2, 3]
    assert todo(rerun="stale") == [0, 1, 2, 3]
    with RunFolder(plan.jobs[0].folder).claim():  # whatever comes of it, it is not complete now
        assert todo() == [0, 1, 2, 3]


def test_a_failed_run_that_is_left_alone_still_fails_the_sweep(argv: list[str]) -> None:
    plan = planned(argv, "model=toy", "seed=0,1")
    recorded(plan.jobs[0], "failed")
    settings = SETTINGS | {"retry_failed": False}
    outcomes = Plan(plan.jobs, settings, Now()).execute(lambda job: done(), Seen())
    assert [(item.status, item.reason) for item in outcomes] == [
        ("failed", "OSError: no luck"), ("completed", ""),
    ]  # fmt: skip
    assert exit_code(outcomes) == 1


@pytest.mark.parametrize("rerun", [None, "stale"])
def test_one_completed_run_is_looked_at_for_all_made_of_the_same_data(
    rerun: str | None, argv: list[str]
) -> None:
    plan = planned(argv, "model=toy", "seed=0,1,2,3,4")
    for job in plan.jobs[:4]:
        recorded(job, "completed", data_fingerprint="old" if job.seed < 3 else "new")
    executed: list[tuple[int, bool]] = []

    def execute(job: Job) -> Any:
        executed.append((job.seed, job.config["force"]))
        if job.seed == 4 or job.config["force"]:
            return done()
        return done(was_complete=True, stale=("data",) if job.seed < 3 else ())

    settings = SETTINGS | {"rerun": rerun}
    outcomes = Plan(plan.jobs, settings, Now()).execute(execute, Seen())
    assert executed[:3] == [(4, False), (0, False), (3, False)]
    assert executed[3:] == ([(0, True), (1, True), (2, True)] if rerun else [])
    stale = {item.run_id: item.stale for item in outcomes}
    assert [stale[job.run_id] for job in plan.jobs] == [() if rerun else ("data",)] * 3 + [()] * 2
    assert {item.run_id for item in outcomes if item.already} == {
        job.run_id for job in plan.jobs if job.seed == 3 or (job.seed < 3 and not rerun)
    }


def test_told_to_stop_while_it_looks_at_runs_it_trains_none_of_them(argv: list[str]) -> None:
    class Stopped(Now):
        def launch(self, *arguments: Any, **checks: Any) -> bool:
            super().launch(*arguments, **checks)
            return True

    plan = planned(argv, "model=toy", "seed=0,1")
    for job in plan.jobs:
        recorded(job, "completed")
    executed: list[bool] = []

    def execute(job: Job) -> Any:
        executed.append(job.config["force"])
        return done(was_complete=True, stale=("data",))

    outcomes = Plan(plan.jobs, SETTINGS | {"rerun": "stale"}, Stopped()).execute(execute, Seen())
    assert executed == [False]
    assert [item.status for item in outcomes] == ["interrupted"] * 2
    assert exit_code(outcomes) == 130


def test_where_all_is_complete_no_cluster_is_asked_for(argv: list[str]) -> None:
    class Down(Now):
        def prepare(self, jobs: Any) -> int:
            raise ConfigErrors([])

    plan, seen = planned(argv, "model=toy", "seed=0,1"), Seen()
    for job in plan.jobs:
        recorded(job, "completed")
    looked: list[int] = []

    def execute(job: Job) -> Any:
        looked.append(job.seed)
        return done(was_complete=True)

    outcomes = Plan(plan.jobs, SETTINGS, Down()).execute(execute, seen)
    assert [(item.status, item.already) for item in outcomes] == [("completed", True)] * 2
    assert (looked, seen.begun) == ([0], (2, 1))  # what they are made of is looked at all the same


def test_a_run_that_was_forced_is_looked_at_and_not_trained(argv: list[str]) -> None:
    (job,) = planned(argv, "model=toy").jobs
    freeze(forced(job), RunFolder(job.folder).config)
    recorded(job, "completed")
    looked: list[bool] = []

    def execute(job: Job) -> Any:
        looked.append(thaw(job.folder).config["force"])  # as it is read wherever it is executed
        return done(was_complete=True)

    Plan((job,), SETTINGS, Now()).execute(execute, Seen())
    assert looked == [False]


def test_completed_runs_are_complete_though_nobody_looked(argv: list[str]) -> None:
    plan = planned(argv, "model=toy", "seed=0,1,2")
    for job in plan.jobs[:2]:
        recorded(job, "completed")
    outcomes = Plan(plan.jobs, SETTINGS, Nothing()).execute(lambda job: done(), Seen())
    assert [item.status for item in outcomes] == ["completed", "completed", "interrupted"]


def test_a_torn_record_stops_no_other_run(argv: list[str]) -> None:
    plan = planned(argv, "model=toy", "seed=0,1")
    torn = RunFolder(plan.jobs[0].folder)
    torn.path.mkdir(parents=True)
    torn.record.write_text("{")

    def execute(job: Job) -> Any:
        RunFolder(job.folder).read_record()
        return done()

    outcomes = Plan(plan.jobs, SETTINGS, Now()).execute(execute, Seen())
    assert [item.status for item in outcomes] == ["failed", "completed"]
    assert "record.json: expected a record in JSON" in outcomes[0].reason


def test_outputs_on_a_file_system_without_locks_are_refused(
    argv: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    plan = planned(argv, "model=toy")
    with pytest.raises(RecordError) as caught:
        Plan(plan.jobs, SETTINGS, Now()).execute(lambda job: done(), Seen())
    assert caught.value.line().partition(": ")[2] == (
        "expected a file system with locks, got one without (No locks available); "
        "choose another folder for outputs with paths.outputs=DIR"
    )


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
