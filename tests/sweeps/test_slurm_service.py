"""Slurm for real: jobs that are preempted, cancelled, killed and left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.e2e.sweeps import Sweep, results
from tests.sweeps import pool_jobs
from tests.sweeps.seen import MakeJobs, Seen, Torn
from tests.sweeps.slurm_cluster import Cluster, Unavailable, cluster

from seqbench.config.compose import compose_job
from seqbench.errors import ConfigErrors, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.sweeps import dispatch, slurm_queue
from seqbench.sweeps.dispatch import LEAVE_SECONDS
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


def _trainings(study: Path) -> list[psutil.Process]:
    """The processes that train: those that submitit has started."""
    return [
        each
        for each in psutil.process_iter(["cmdline"])
        if {"submitit.core._submit", str(study / "slurm")} <= set(each.info["cmdline"] or [])
        and each.info["cmdline"][0] == sys.executable
    ]


def _minutes_ahead(slurm: Cluster, job: str) -> int:
    """A time limit that is 45 seconds ahead at least, and less than the warning before it."""
    ran = slurm.run("squeue", "--noheader", f"--jobs={job}", "--format=%M").strip()
    minutes, seconds = map(int, ran.split(":"))
    return minutes + 1 + (seconds > 15)


def _lets_begin(slurm: Cluster, job: str) -> Callable[[], bool]:
    """A condition that never holds, and meanwhile has a requeued job start without delay."""

    def look() -> bool:
        if slurm.states().get(job) == "PENDING":
            with contextlib.suppress(AssertionError):  # it may have begun since
                slurm.run("scontrol", "update", f"JobId={job}", "StartTime=now", "TimeLimit=60")
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
        (training,) = _trainings(study)
        training.suspend()  # it would end before Slurm looks: every half a minute
        slurm.run("scontrol", "update", f"JobId={job}", f"TimeLimit={_minutes_ahead(slurm, job)}")
        training.wait(120)  # the warning wakes it
    else:
        urgent = ["--partition=urgent", "--cpus-per-task=2", "--output=/dev/null"]
        slurm.run("sbatch", *urgent, "--wrap=sleep 1")
    sweep.wait(_lets_begin(slurm, job), patience=PATIENCE)
    printed = (tmp_path / "sweep.txt").read_text()
    assert sweep.process.returncode == 0, printed
    (run,) = study.glob("text_classification-*")
    log = (run / "log.txt").read_text()
    assert log.count("run interrupted") == 1
    assert (how == "out of time") == ("told to stop by SIGUSR1" in log)
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
    assert record.error.type == "FAILED"
    assert RunFolder(jobs[3].folder).log.read_text() == "job 3 was here\n"


def test_what_is_meant_for_other_jobs_changes_none_of_these(
    slurm: Cluster,
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A user's defaults, an allocation that the sweep is started in, a partition out of sight."""
    others = {
        "SBATCH_PARTITION": "nowhere", "SBATCH_JOB_NAME": "mine", "SBATCH_WAIT": "1",
        "SQUEUE_PARTITION": "small", "SLURM_CPU_BIND": "map_cpu:7", "SLURM_JOB_ID": "1",
    }  # fmt: skip
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(slurm_queue, "LINGER_SECONDS", 1.0)
    seen, (job,) = Seen(), make_jobs(1)
    asked = ("squeue", "--all", "--noheader", "--format=%P %j")
    shown: list[str] = []
    seen.on_started[0] = lambda: shown.append(slurm.run("env", "-u", "SQUEUE_PARTITION", *asked))
    (outcome,) = launch([job], pool_jobs.complete, seen, partition="hidden")
    assert outcome.status == "completed"
    assert shown == [f"hidden {job.run_id}\n"]


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


def test_a_job_that_does_not_end_when_it_is_cancelled_is_killed(
    slurm: Cluster,
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
) -> None:
    """After Slurm's KillWait; the sweep waits for that, and can be told again not to."""
    seen, (job,) = Seen(), make_jobs(1)
    told: list[float] = []

    def stop() -> None:
        _until(lambda: pool_jobs.events(job.folder.parent))  # Slurm says so before it is at work
        told.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    seen.on_started[0] = stop
    outcomes = launch([job], pool_jobs.deaf, seen)
    assert [outcome.status for outcome in outcomes] == ["interrupted"]
    assert [line[0] for line in pool_jobs.events(job.folder.parent)] == ["start", "told"]
    assert 20.0 <= time.monotonic() - told[0] < LEAVE_SECONDS
    assert RunFolder(job.folder).read_record() is None  # it has not failed
    assert not slurm.states()


def test_an_error_in_mid_sweep_cancels_the_jobs(
    slurm: Cluster,
    make_jobs: MakeJobs,
) -> None:
    jobs, seen = make_jobs(2), Seen()
    launcher = Slurm.of(**{**SETTINGS, "cpus": 2})
    launcher.prepare(jobs)
    with pytest.raises(TrainingError, match="database is gone"):
        launcher.launch(Torn(jobs, seen), pool_jobs.hold, lambda _: None, seen)
    assert not slurm.states()


def test_a_job_that_is_not_taken_now_is_submitted_again(
    slurm: Cluster,
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As when the controller is busy for a moment, or the queue is full."""
    sbatch, tries = shutil.which("sbatch"), tmp_path / "tries"
    script = tmp_path / "bin" / "sbatch"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\ncase "$1" in --test-only) exec {sbatch} "$@" ;; esac\n'
        f"echo >> {tries}\n"
        f'[ $(wc -l < {tries}) -lt 3 ] && echo "sbatch: error: Socket timed out" >&2 && exit 1\n'
        f'exec {sbatch} "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(dispatch, "AGAIN_SECONDS", 0.5)
    seen, jobs = Seen(), make_jobs(1)
    capfd.readouterr()
    outcomes = launch(jobs, pool_jobs.complete, seen)
    assert [outcome.status for outcome in outcomes] == ["completed"]
    assert seen.log[0].startswith("no job is taken now (sbatch: error: Socket timed out); it is")
    assert seen.log[1:] == ["started 0"]
    assert capfd.readouterr().err == ""  # the table is there
    folder = jobs[0].folder.parent / "slurm"
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_a_closed_terminal_leaves_jobs_queued(
    slurm: Cluster,
    launch: Callable[..., list[Outcome]],
    make_jobs: MakeJobs,
) -> None:
    seen = Seen()
    seen.on_started[0] = lambda: os.kill(os.getpid(), signal.SIGHUP)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup, which tests may be, none
    assert launch(make_jobs(1), pool_jobs.sleep, seen) == []
    signal.signal(signal.SIGHUP, before)
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
