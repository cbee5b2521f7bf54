"""Ray for real, on this machine: the same runs as in a pool, whatever becomes of workers."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.sweeps import Sweep, results
from tests.sweeps import pool_jobs
from tests.sweeps.seen import MakeJobs, Seen, Torn

from seqbench.config.job import Job
from seqbench.errors import ConfigErrors, TrainingError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.sweeps.execute import Execute, Outcome
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.ray import Ray

pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = pytest.mark.service

PATIENCE = 300.0  # a run imports everything anew
SETTINGS = {
    "address": None, "at_once": None, "grows": False, "cpus": None, "gpus_per_run": None,
    "resources": {}, "extra": {},
}  # fmt: skip
Launch = Callable[..., list[Outcome]]


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    """Runs jobs on a Ray with two cores and two GPUs, as far as Ray is concerned."""
    import ray

    launchers: list[Ray] = []
    before = signal.getsignal(signal.SIGTERM)
    ray.init(
        address="local", num_cpus=2, num_gpus=2, resources={"scratch": 1},
        include_dashboard=False, log_to_driver=False, logging_level="ERROR",
    )  # fmt: skip

    def launch(
        jobs: list[Job], execute: Execute, seen: Seen | None = None, **settings: Any
    ) -> list[Outcome]:
        launcher = Ray.of(**{**SETTINGS, **settings})
        launchers.append(launcher)
        outcomes: list[Outcome] = []
        launcher.prepare(jobs)
        launcher.launch(Listed(jobs), execute, outcomes.append, seen or Seen())
        return outcomes

    yield launch
    for launcher in launchers:
        launcher.close()
    assert ray.is_initialized()  # what a sweep has not started it does not end
    ray.shutdown()
    signal.signal(signal.SIGTERM, before)


def test_how_jobs_end(launch: Launch, make_jobs: MakeJobs) -> None:
    jobs = make_jobs(5)
    found = {outcome.run_id: outcome for outcome in launch(jobs, pool_jobs.crash)}
    outcomes = [found[job.run_id] for job in jobs]
    assert [item.status for item in outcomes] == [
        "completed", "failed", "failed", "failed", "completed",
    ]  # fmt: skip
    logs = [RunFolder(job.folder).log for job in jobs]
    assert [item.reason for item in outcomes[1:4]] == [
        "ValueError: no good",
        f"killed by SIGSEGV (a crash below Python); see {logs[2]}",
        f"its process ended with exit code 7 and said nothing; see {logs[3]}",
    ]
    assert logs[3].read_text() == "job 3 was here\n"


def test_so_many_run_as_there_is_room_for(launch: Launch, make_jobs: MakeJobs) -> None:
    jobs = make_jobs(4, threads=2)  # two cores each, of two
    seen = Seen()
    outcomes = launch(jobs, pool_jobs.complete, seen)
    assert [outcome.status for outcome in outcomes] == ["completed"] * 4
    assert [line[0] for line in pool_jobs.events(jobs[0].folder.parent)] == ["start", "end"] * 4
    assert sorted(seen.log) == [f"started {seed}" for seed in range(4)]


@pytest.mark.parametrize(("share", "at_once"), [(2, 1), (1, 2), (0.5, 4)])
def test_gpus_are_shared(share: float, at_once: int, launch: Launch, make_jobs: MakeJobs) -> None:
    jobs = make_jobs(4, accelerator="auto")
    settings = {"gpus_per_run": share, "cpus": 0.5}
    assert Ray.of(**{**SETTINGS, **settings}).prepare(jobs) == at_once
    launch(jobs, pool_jobs.complete, **settings)
    at_work: Counter[str] = Counter()
    for what, _, _, _, gpu in pool_jobs.events(jobs[0].folder.parent):
        at_work[gpu] += {"start": 1, "end": -1}[what]
        assert at_work[gpu] * min(share, 1) <= 1
    assert set(at_work) <= ({"0", "1"} if share <= 1 else {"0,1", "1,0"})


def test_what_no_machine_has_is_refused(launch: Launch, make_jobs: MakeJobs) -> None:
    with pytest.raises(ConfigErrors) as caught:
        launch(make_jobs(2), pool_jobs.complete, resources={"scratch": 2})
    assert caught.value.line() == (
        "hydra.launcher: expected what one machine of the cluster has, got 1 CPU, 2 scratch"
    )
    with pytest.raises(ConfigErrors, match=r"gpus_per_run: expected at least trainer.devices, 2"):
        jobs = make_jobs(1, accelerator="auto", devices=2)
        launch(jobs, pool_jobs.complete, gpus_per_run=0.5)


def test_a_worker_that_dies_costs_no_run(launch: Launch, make_jobs: MakeJobs) -> None:
    seen = Seen()
    outcomes = launch(make_jobs(2), pool_jobs.kill_the_warm_process_once, seen)
    assert [outcome.status for outcome in outcomes] == ["completed"] * 2
    assert "data-model-s0-00000000 was stopped; it is queued again and will go on" in seen.log


def test_a_worker_that_keeps_dying_is_the_runs_failure(launch: Launch, make_jobs: MakeJobs) -> None:
    (outcome,) = launch(make_jobs(1), pool_jobs.kill_the_warm_process)
    assert outcome.status == "failed"
    assert outcome.reason.startswith("its Ray worker was lost 3 times: ")


def test_a_stop_asks_runs_to_stop_and_cancels_the_others(
    launch: Launch, make_jobs: MakeJobs
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = Seen()
    seen.on_started[1] = lambda: os.kill(os.getpid(), signal.SIGINT)
    outcomes = launch(make_jobs(4), pool_jobs.hold, seen, at_once=4)
    assert [outcome.status for outcome in outcomes] == ["interrupted"] * 4
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_error_in_mid_sweep_stops_the_runs(launch: Launch, make_jobs: MakeJobs) -> None:
    jobs, seen = make_jobs(4), Seen()
    launcher = Ray.of(**{**SETTINGS, "at_once": 9})
    launcher.prepare(jobs)
    with pytest.raises(TrainingError, match="database is gone"):
        launcher.launch(Torn(jobs, seen), pool_jobs.hold, lambda _: None, seen)
    assert not any(is_held(RunFolder(job.folder).lock) for job in jobs)


@pytest.fixture
def arguments(tiny: list[str]) -> list[str]:
    """A sweep of two runs that last a second or two."""
    others = [item for item in tiny if not item.startswith(("logger=", "trainer.max_epochs"))]
    return [*others, "trainer.max_epochs=100", "seed=0,1", "logger=offline", "report=false"]


def test_runs_are_those_of_a_pool_and_go_on_after_a_kill(
    arguments: list[str], tmp_path: Path
) -> None:
    """Ray gives its workers another number of threads than the sweep has."""
    options = ["hydra/launcher=ray", "hydra.launcher.extra={num_cpus: 2}", "study=ray"]
    study = tmp_path / "outputs" / "ray"
    killed = Sweep([*arguments, *options], tmp_path)
    assert killed.wait(lambda: _trains(study), patience=PATIENCE), _printed(tmp_path)
    killed.process.kill()
    killed.process.wait()
    assert killed.left() == []  # workers and runs end with the sweep, and so does Ray itself
    again = Sweep([*arguments, *options], tmp_path)
    again.wait(patience=PATIENCE)
    assert again.process.returncode == 0, _printed(tmp_path)
    assert again.left() == []
    pool = Sweep([*arguments, "study=pool"], tmp_path)
    pool.wait(patience=PATIENCE)
    assert results(study) == results(tmp_path / "outputs" / "pool")


def test_ctrl_c_saves_checkpoints(arguments: list[str], tmp_path: Path) -> None:
    study = tmp_path / "outputs" / "ray"
    sweep = Sweep([*arguments, "hydra/launcher=ray", "study=ray"], tmp_path)
    assert sweep.wait(lambda: _trains(study), patience=PATIENCE), _printed(tmp_path)
    os.kill(sweep.process.pid, signal.SIGINT)
    sweep.wait(patience=PATIENCE)
    assert sweep.process.returncode == 130, _printed(tmp_path)
    assert list(study.glob("*/checkpoints/last.ckpt"))
    assert sweep.left() == []


def _trains(study: Path) -> bool:
    return any(len(read_metrics(path)) > 6 for path in study.glob("*/metrics.jsonl"))


def _printed(folder: Path) -> str:
    return (folder / "sweep.txt").read_text()
