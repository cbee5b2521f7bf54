"""Slurm for real: jobs that are preempted, cancelled, killed and left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.sweeps import Sweep, results
from tests.sweeps import pool_jobs
from tests.sweeps.seen import MakeJobs, Seen
from tests.sweeps.slurm_cluster import Cluster, Unavailable, cluster

from seqbench.config.compose import compose_job
from seqbench.errors import ConfigErrors
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.sweeps.execute import Execute, Outcome
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.slurm import Slurm
from seqbench.training.execute import execute

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")
pytestmark = pytest.mark.service

PATIENCE = 300.0  # a job imports everything anew, and waits for those before it
SETTINGS = {
    "at_once": 100, "partition": None, "account": None, "timeout_min": 10, "cpus": None,
    "gpus": None, "mem_gb": None, "warning_seconds": 30, "poll_seconds": 0.5, "setup": [],
    "extra": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Slurm with one node of two cores."""
    try:
        with cluster(tmp_path_factory.mktemp("slurm")) as found:
            yield found
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def slurm(started: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """That Slurm, with an empty queue, as the one that Slurm's commands find."""
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    yield started
    started.run("scancel", "--user=root", "--signal=KILL", "--full")
    started.run("scancel", "--user=root")
    _until(lambda: not started.states())


@pytest.fixture
def launch(slurm: Cluster) -> Callable[..., list[Outcome]]:
    """Runs jobs on it."""

    def launch(
        jobs: list[object], does: Execute, seen: Seen | None = None, **settings: object
    ) -> list[Outcome]:
        launcher = Slurm.of(**{**SETTINGS, **settings})
        outcomes: list[Outcome] = []
        launcher.prepare(jobs)  # type: ignore[arg-type]
        launcher.launch(Listed(jobs), does, outcomes.append, seen or Seen())  # type: ignore[arg-type]
        return outcomes

    return launch


@pytest.fixture
def arguments(tiny: list[str]) -> list[str]:
    """A run that lasts some seconds, as a sweep's only one."""
    others = [item for item in tiny if not item.startswith(("logger=", "trainer.max_epochs"))]
    return [*others, "trainer.max_epochs=250", "logger=offline", "tags=[slurm]"]


def _sweep(arguments: list[str], folder: Path, *more: str) -> Sweep:
    options = ["hydra/launcher=slurm", "hydra.launcher.poll_seconds=0.5", "report=false", *more]
    return Sweep([*arguments, *options], folder)


def _until(condition: Callable[[], object], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _trains(study: Path) -> bool:
    return any(len(read_metrics(path)) > 6 for path in study.glob("*/metrics.jsonl"))


def _lets_begin(slurm: Cluster, job: str) -> Callable[[], bool]:
    """A condition that never holds, and meanwhile has a requeued job start without delay."""

    def look() -> bool:
        if slurm.states().get(job) == "PENDING":
            with contextlib.suppress(AssertionError):  # it may have begun since
                slurm.run("scontrol", "update", f"JobId={job}", "StartTime=now")
        return False

    return look


@pytest.mark.parametrize("how", ["requeued", "preempted within a time of grace", "out of time"])
def test_a_stopped_job_comes_back_and_ends_as_if_undisturbed(
    how: str, slurm: Cluster, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = "polite" if "grace" in how else "small"
    study = tmp_path / "outputs" / "stopped"
    sweep = _sweep(
        arguments, tmp_path, "study=stopped", f"hydra.launcher.partition={partition}",
        "hydra.launcher.cpus=2",
    )  # fmt: skip
    assert sweep.wait(lambda: _trains(study), patience=PATIENCE), (
        tmp_path / "sweep.txt"
    ).read_text()
    (job,) = slurm.states()
    if how == "requeued":
        slurm.run("scontrol", "requeue", job)
    elif how == "out of time":
        slurm.run("scancel", "--signal=USR1", job)  # as Slurm sends it before the time is up
    else:
        slurm.run("sbatch", "--partition=urgent", "--cpus-per-task=2", "--wrap=sleep 1")
    sweep.wait(_lets_begin(slurm, job), patience=PATIENCE)
    printed = (tmp_path / "sweep.txt").read_text()
    assert sweep.process.returncode == 0, printed
    (run,) = study.glob("text_classification-*")
    log = (run / "log.txt").read_text()
    assert log.count("run interrupted") == 1
    assert "going on from step" in log
    assert not list((study / "slurm").glob(f"{job}*"))  # nothing is left of a job that went well

    monkeypatch.chdir(tmp_path)
    alone = compose_job([*arguments, "study=calm"])
    execute(alone)
    assert results(study) == results(tmp_path / "outputs" / "calm")


def test_ctrl_c_cancels_and_the_same_command_goes_on(
    slurm: Cluster, arguments: list[str], tmp_path: Path
) -> None:
    study = tmp_path / "outputs" / "stopped"
    more = ["study=stopped", "seed=0,1", "hydra.launcher.cpus=2"]
    sweep = _sweep(arguments, tmp_path, *more)
    assert sweep.wait(lambda: _trains(study), patience=PATIENCE), (
        tmp_path / "sweep.txt"
    ).read_text()
    assert sorted(slurm.states().values()) == ["PENDING", "RUNNING"]
    os.kill(sweep.process.pid, signal.SIGINT)
    sweep.wait(patience=PATIENCE)
    printed = (tmp_path / "sweep.txt").read_text()
    assert sweep.process.returncode == 130, printed
    assert (
        "stopping: 1 running jobs save their checkpoints, 1 waiting jobs are cancelled" in printed
    )
    assert not slurm.states()
    assert len(list(study.glob("*/checkpoints/last.ckpt"))) == 1

    again = _sweep(arguments, tmp_path, *more)
    again.wait(patience=PATIENCE)
    assert again.process.returncode == 0, (tmp_path / "sweep.txt").read_text()
    logs = [path.read_text() for path in study.glob("*/log.txt")]
    assert sum("going on from step" in log for log in logs) == 1


def test_a_sweep_that_was_killed_finds_its_jobs_in_the_queue(
    slurm: Cluster, arguments: list[str], tmp_path: Path
) -> None:
    study = tmp_path / "outputs" / "left"
    more = ["study=left", "seed=0,1", "hydra.launcher.cpus=2"]
    killed = _sweep(arguments, tmp_path, *more)
    assert killed.wait(lambda: _trains(study), patience=PATIENCE), (
        tmp_path / "sweep.txt"
    ).read_text()
    killed.process.kill()
    killed.process.wait()
    left = set(slurm.states())
    assert len(left) == 2
    seen: set[str] = set()
    again = _sweep(arguments, tmp_path, *more)
    again.wait(lambda: bool(seen.update(slurm.states())), patience=PATIENCE)
    assert again.process.returncode == 0, (tmp_path / "sweep.txt").read_text()
    assert seen <= left
    logs = [path.read_text() for path in study.glob("*/log.txt")]
    assert [log.count("W&B: offline") for log in logs] == [1, 1]  # each began once


def test_how_jobs_end(
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
) -> None:
    jobs = make_jobs(4)
    found = {outcome.run_id: outcome for outcome in launch(jobs, pool_jobs.crash)}
    outcomes = [found[job.run_id] for job in jobs]
    assert [item.status for item in outcomes] == ["completed", "failed", "failed", "failed"]
    assert outcomes[1].reason == "ValueError: no good"
    assert "ended (FAILED, exit code " in outcomes[2].reason
    assert "ended (FAILED, exit code 7:0), see " in outcomes[3].reason
    record = RunFolder(jobs[2].folder).read_record()
    assert record is not None and record.error is not None
    assert record.error.type == "SIGKILL"  # the next try goes on from its checkpoint
    assert RunFolder(jobs[3].folder).log.read_text() == "job 3 was here\n"


def test_no_more_jobs_run_than_wanted(
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
) -> None:
    jobs = make_jobs(3)
    outcomes = launch(jobs, pool_jobs.complete, at_once=1)  # there are two cores
    assert [outcome.status for outcome in outcomes] == ["completed"] * 3
    events = [line[0] for line in pool_jobs.events(jobs[0].folder.parent)]
    assert events == ["start", "end"] * 3


def test_a_job_that_somebody_cancels_is_interrupted(
    slurm: Cluster,
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
) -> None:
    seen = Seen()
    seen.on_started[0] = lambda: slurm.run("scancel", *slurm.states())
    outcomes = launch(make_jobs(1), pool_jobs.sleep, seen)
    assert [outcome.status for outcome in outcomes] == ["interrupted"]


def test_a_closed_terminal_leaves_jobs_queued(
    slurm: Cluster,
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
) -> None:
    seen = Seen()
    seen.on_started[0] = lambda: os.kill(os.getpid(), signal.SIGHUP)
    assert launch(make_jobs(1), pool_jobs.sleep, seen) == []
    assert seen.log[-1] == "1 jobs stay queued; the same command finds them again"
    assert len(slurm.states()) == 1


def test_what_slurm_does_not_take_is_refused_before_anything_runs(
    slurm: Cluster,
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        launch(make_jobs(2), pool_jobs.complete, partition="nowhere")
    assert "hydra.launcher: expected options that this cluster takes" in caught.value.line()
    assert "invalid partition specified: nowhere" in caught.value.line()
    assert len(caught.value.errors) == 1
