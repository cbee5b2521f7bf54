"""The pool: jobs in processes of their own, and whatever becomes of those."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.sweeps import pool_jobs
from tests.sweeps.seen import MakeJobs, Seen
from tests.sweeps.stored import store

from seqbench.config.job import Job
from seqbench.errors import ConfigErrors, RecordError, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunError
from seqbench.sweeps.burial import bury
from seqbench.sweeps.execute import Execute, Outcome
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.pool import Pool
from seqbench.sweeps.server import PRELOAD
from seqbench.sweeps.shift import Shift
from seqbench.sweeps.stopping import stop_signals


@pytest.fixture
def run() -> Iterator[Callable[..., list[Outcome]]]:
    """Runs jobs in a pool that imports nothing heavy."""
    pools: list[Pool] = []

    def run(
        jobs: list[Job], execute: Execute, seen: Seen | None = None, **settings: Any
    ) -> list[Outcome]:
        pool = Pool(modules=(), **{"slots": 2, **settings})
        pools.append(pool)
        outcomes: list[Outcome] = []
        pool.prepare(jobs)
        pool.launch(Listed(jobs), execute, outcomes.append, seen or Seen())
        return outcomes

    yield run
    for pool in pools:
        pool.close()


Run = Callable[..., list[Outcome]]


def test_checks_alone_take_no_more_than_the_slots(make_jobs: MakeJobs) -> None:
    """Nothing is prepared for them, and a login node is not for work."""
    pool, jobs = Pool(slots=1, modules=()), make_jobs(3)
    assert not pool.launch(Listed(), pool_jobs.complete, lambda _: None, Seen(), checks=jobs)
    pool.close()
    assert [line[0] for line in pool_jobs.events(jobs[0].folder.parent)] == ["start", "end"] * 3


def test_each_job_has_a_process_and_a_group_of_its_own(run: Run, make_jobs: MakeJobs) -> None:
    jobs = make_jobs(5)
    outcomes = run(jobs, pool_jobs.complete)
    assert {outcome.run_id for outcome in outcomes} == {job.run_id for job in jobs}
    assert {outcome.status for outcome in outcomes} == {"completed"}
    assert all(outcome.record is not None for outcome in outcomes)
    starts = [line for line in pool_jobs.events(jobs[0].folder.parent) if line[0] == "start"]
    assert len({line[2] for line in starts}) == 5
    assert all(process == group for _, _, process, group, _ in starts)
    assert str(os.getpid()) not in {line[2] for line in starts}


def test_a_job_that_crashes_harms_no_other(run: Run, make_jobs: MakeJobs) -> None:
    jobs = make_jobs(6)
    found = {outcome.run_id: outcome for outcome in run(jobs, pool_jobs.crash)}
    outcomes = [found[job.run_id] for job in jobs]
    assert [item.status for item in outcomes] == [
        "completed", "failed", "failed", "failed", "completed", "completed",
    ]  # fmt: skip
    logs = [RunFolder(job.folder).log for job in jobs]
    assert [item.reason for item in outcomes[1:4]] == [
        "ValueError: no good",
        f"killed by SIGSEGV (a crash below Python); see {logs[2]}",
        f"its process ended with exit code 7 and said nothing; see {logs[3]}",
    ]
    records = [RunFolder(job.folder).read_record() for job in jobs]
    assert [record and record.status for record in records] == [
        "completed", None, "failed", "failed", "completed", "completed",
    ]  # fmt: skip
    assert [record.error.type for record in records if record and record.error] == [
        "SIGSEGV", "ProcessEnd",
    ]  # fmt: skip
    assert logs[2].read_text().startswith("job 2 was here\nFatal Python error: Segmentation fault")
    assert [log.read_text() for log in logs[3:]] == [f"job {n} was here\n" for n in (3, 4, 5)]


@pytest.mark.parametrize(("slots", "at_once"), [(1, 1), (3, 3)])
def test_so_many_jobs_run_at_once(slots: int, at_once: int, run: Run, make_jobs: MakeJobs) -> None:
    jobs = make_jobs(7)
    run(jobs, pool_jobs.complete, slots=slots)
    at_work = 0
    for what, *_ in pool_jobs.events(jobs[0].folder.parent):
        at_work += {"start": 1, "end": -1}[what]
        assert at_work <= at_once


def test_no_gpu_has_more_jobs_than_slots_and_each_sees_its_own(
    run: Run, make_jobs: MakeJobs
) -> None:
    jobs = make_jobs(19, accelerator="auto")
    seen = Seen()
    outcomes = run(jobs, pool_jobs.together, seen, gpus=["0", "1", "2", "5"], slots_per_gpu=2)
    assert {(outcome.status, outcome.reason) for outcome in outcomes} == {("completed", "")}
    assert sorted(seen.log) == sorted(f"started {job.seed}" for job in jobs)
    at_work: Counter[str] = Counter()
    most = 0
    for what, _, _, _, gpu in pool_jobs.events(jobs[0].folder.parent):
        at_work[gpu] += {"in": 1, "end": -1}.get(what, 0)
        assert at_work[gpu] <= 2
        most = max(most, at_work.total())
    assert set(at_work) == {"0", "1", "2", "5"}
    assert most == 8


def test_a_job_on_two_gpus_sees_two(run: Run, make_jobs: MakeJobs) -> None:
    jobs = make_jobs(3, accelerator="auto", devices=2)
    run(jobs, pool_jobs.complete, gpus=["3", "4"])
    assert {line[4] for line in pool_jobs.events(jobs[0].folder.parent)} == {"3,4"}


def test_more_devices_than_there_are(run: Run, make_jobs: MakeJobs) -> None:
    with pytest.raises(ConfigErrors) as caught:
        run(make_jobs(2, accelerator="auto", devices=3), pool_jobs.complete, gpus=["0", "1"])
    assert caught.value.line() == "trainer.devices: expected at most 2, the GPUs there are, got 3"
    with pytest.raises(ConfigErrors, match="cpu or auto on a machine without a CUDA GPU, got cuda"):
        run(make_jobs(1, accelerator="cuda"), pool_jobs.complete, gpus=[])


def test_the_death_of_the_warm_process_costs_no_job(run: Run, make_jobs: MakeJobs) -> None:
    seen = Seen()
    outcomes = run(make_jobs(4), pool_jobs.kill_the_warm_process_once, seen)
    assert [outcome.status for outcome in outcomes] == ["completed"] * 4
    assert "the process that starts jobs was killed: its jobs are started again" in seen.log


def test_a_warm_process_that_keeps_dying_is_an_error(run: Run, make_jobs: MakeJobs) -> None:
    with pytest.raises(TrainingError, match="got its end, 3 times in a row"):
        run(make_jobs(2), pool_jobs.kill_the_warm_process)


def test_imports_that_fail_are_an_error(run: Run, make_jobs: MakeJobs) -> None:
    with pytest.raises(TrainingError, match="its end with exit code 1; see the error above"):
        pool = Pool(modules=("seqbench.nowhere",), slots=1)
        jobs = make_jobs(1)
        pool.prepare(jobs)
        pool.launch(Listed(jobs), pool_jobs.complete, lambda _: None, Seen())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_stopped_pool_asks_its_jobs_to_stop_and_starts_no_other(
    number: signal.Signals, run: Run, make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_POOL", str(os.getpid()))
    monkeypatch.setenv("TEST_STOP", number.name)
    before = signal.getsignal(number)
    seen = Seen()
    outcomes = run(make_jobs(4), pool_jobs.stop_the_pool, seen)
    assert [outcome.status for outcome in outcomes] == ["interrupted"] * 2
    assert seen.log[-1] == "stopping: 2 running jobs save their checkpoints"
    assert signal.getsignal(number) is before


def test_a_stop_just_after_the_start_reaches_every_job(
    run: Run, make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    stop = Shift._stop_running

    def note(self: Shift, *, at_once: bool) -> None:
        told.append(at_once)
        stop(self, at_once=at_once)

    monkeypatch.setattr(Shift, "_stop_running", note)
    pool = Pool(modules=(), slots=16)
    jobs = make_jobs(16)
    pool.prepare(jobs)
    server = pool.server()
    while not server.is_ready:
        server.messages(1.0)
    seen, outcomes = Seen(), list[Outcome]()
    seen.on_started[15] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    pool.launch(Listed(jobs), pool_jobs.sleep, outcomes.append, seen)
    pool.close()
    assert [outcome.status for outcome in outcomes] == ["interrupted"] * 16
    assert told == [False]


def test_a_stop_before_anything_is_imported_waits_for_nothing(make_jobs: MakeJobs) -> None:
    pool, jobs, seen, outcomes = Pool(slots=2), make_jobs(2), Seen(), list[Outcome]()
    pool.prepare(jobs)
    seen.on_started[1] = lambda: os.kill(os.getpid(), signal.SIGINT)
    assert pool.launch(Listed(jobs), pool_jobs.sleep, outcomes.append, seen)  # it was told to stop
    assert outcomes == []
    assert not jobs[0].folder.joinpath("record.json").exists()


def test_a_sweep_that_is_to_outlive_its_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as stops:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
        assert stops == [signal.SIGTERM]  # the second came with the first
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_check_needs_one_core_whatever_the_run_needed(run: Run, make_jobs: MakeJobs) -> None:
    pool = Pool(modules=(), gpus=["7"])
    (small,), (large,) = (
        make_jobs(1, accelerator="auto"),
        make_jobs(1, accelerator="auto", devices=2),
    )
    pool.prepare([small])
    outcomes: list[Outcome] = []
    pool.launch(Listed(), pool_jobs.complete, outcomes.append, Seen(), checks=[large])
    pool.close()
    assert [outcome.status for outcome in outcomes] == ["completed"]
    assert pool_jobs.events(large.folder.parent)[0][4] == "-"


def test_what_another_sweep_has_failed_meanwhile_is_not_tried_again(
    run: Run, make_jobs: MakeJobs
) -> None:
    first, second = make_jobs(2)
    error = RunError(type="OSError", message="no luck")
    store(first, "failed", error=error, finished="2999-01-01T00:00:00Z")
    store(second, "failed", error=error, finished="2000-01-01T00:00:00Z")
    outcomes = {outcome.run_id: outcome for outcome in run([first, second], pool_jobs.complete)}
    assert outcomes[first.run_id].status == "failed"
    assert outcomes[first.run_id].reason == "OSError: no luck"
    assert outcomes[second.run_id].status == "completed"


def test_a_users_file_is_not_taken_for_a_module_of_pythons(
    run: Run, make_jobs: MakeJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "select.py").write_text("raise RuntimeError('not me')\n")
    monkeypatch.chdir(tmp_path)
    assert [outcome.status for outcome in run(make_jobs(1), pool_jobs.complete)] == ["completed"]


def test_a_signal_without_a_name(make_jobs: MakeJobs) -> None:
    (job,) = make_jobs(1)
    assert bury(job, -40).reason == "killed by signal 40"  # before it had a log


def test_told_twice_to_stop_the_pool_does_not_wait(
    run: Run, make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_POOL", str(os.getpid()))
    outcomes = run(make_jobs(3), pool_jobs.stop_the_pool_twice, slots=1)
    assert [outcome.status for outcome in outcomes] == ["interrupted"]


@pytest.mark.parametrize("completes", [True, False])
def test_a_run_that_another_process_has_is_waited_for(
    completes: bool, run: Run, make_jobs: MakeJobs
) -> None:
    first, second = make_jobs(2)
    folder, seen = RunFolder(first.folder), Seen()
    with contextlib.ExitStack() as other:
        other.enter_context(folder.claim())

        def end() -> None:
            if completes:
                store(first, finished="2999-01-01T00:00:00Z")
            other.close()

        seen.on_elsewhere = end
        outcomes = run([first, second], pool_jobs.complete, seen)
    assert {outcome.run_id: outcome.already for outcome in outcomes} == {
        first.run_id: completes, second.run_id: False,
    }  # fmt: skip
    assert {outcome.status for outcome in outcomes} == {"completed"}
    assert seen.log.count("elsewhere 0") == 1
    assert seen.log.count("started 0") == (1 if completes else 2)


def test_what_a_job_leaves_running_ends_with_it(run: Run, make_jobs: MakeJobs) -> None:
    jobs = make_jobs(1)
    run(jobs, pool_jobs.leave_a_process)
    left = int((jobs[0].folder.parent / "left").read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(left).wait(timeout=20)


def test_jobs_find_everything_imported(make_jobs: MakeJobs) -> None:
    pool = Pool(slots=1)
    jobs = make_jobs(1)
    pool.prepare(jobs)
    try:
        pool.launch(Listed(jobs), pool_jobs.modules, lambda _: None, Seen())
    finally:
        pool.close()
    imported = set((jobs[0].folder.parent / "modules").read_text().split())
    expected = {name.partition(":")[0] for name in PRELOAD}
    assert {*expected, "torch", "pytorch_lightning", "wandb"} <= imported


def test_a_pool_that_is_closed_leaves_no_process(run: Run, make_jobs: MakeJobs) -> None:
    pool = Pool(modules=(), slots=1)
    jobs = make_jobs(1)
    pool.prepare(jobs)
    pool.launch(Listed(jobs), pool_jobs.complete, lambda _: None, Seen())
    pid = pool.server().pid
    pool.close()
    assert not psutil.pid_exists(pid)


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ConfigErrors) as caught:
        Pool.of(slots=0, gpus=[1, "1"], slots_per_gpu=True)
    assert caught.value.line().splitlines() == [
        "hydra.launcher.slots: expected a positive integer or null, got 0",
        "hydra.launcher.slots_per_gpu: expected a positive integer, got True",
        "hydra.launcher.gpus: expected a list of GPUs, each once, or null, got [1, '1']",
    ]
    with pytest.raises(ConfigErrors, match="expected a list of GPUs"):
        Pool.of(slots=1, gpus={"a": 1}, slots_per_gpu=1)


@pytest.mark.parametrize(
    ("gpus", "names"), [(None, None), (1, ["1"]), ("0, 3", ["0", "3"]), ([2, "3"], ["2", "3"])]
)
def test_gpus_by_name(gpus: Any, names: Any) -> None:
    assert Pool.of(slots=1, gpus=gpus, slots_per_gpu=1).gpus == names


def test_a_function_without_a_name_cannot_be_found(make_jobs: MakeJobs) -> None:
    pool = Pool(modules=(), slots=1)
    jobs = make_jobs(1)
    pool.prepare(jobs)
    with pytest.raises(TypeError, match="no name by which another process could find it"):
        pool.launch(Listed(jobs), lambda job: replace(job), lambda _: None, Seen())


class OneByOne:
    """A feed that gives a job only when the one before has ended, and looks at how."""

    def __init__(self, jobs: list[Job]) -> None:
        self.left, self.under_way = list(jobs), 0
        self.heard: list[str] = []

    def take(self) -> Job | None:
        if self.under_way or not self.left:
            return None
        self.under_way += 1
        return self.left.pop(0)

    def is_done(self) -> bool:
        return not self.left

    def ended(self, outcome: Outcome) -> None:
        self.under_way -= 1
        self.heard.append(outcome.status)
        if outcome.status == "failed":
            self.left.clear()  # what comes depends on what was


def test_a_feed_that_makes_up_jobs_as_others_end(make_jobs: MakeJobs) -> None:
    pool, jobs = Pool(modules=(), slots=4), make_jobs(4)
    feed, seen = OneByOne(jobs), Seen()
    pool.prepare(jobs)
    pool.launch(feed, pool_jobs.crash_in_python, feed.ended, seen, checks=jobs[3:])
    pool.close()
    assert feed.heard[:2] == ["completed", "failed"]
    assert seen.log == ["started 0", "started 1", "started 3"]
    at_work = [line[0] for line in pool_jobs.events(jobs[0].folder.parent)]
    assert at_work == ["start", "end", "start", "end"]


def test_an_error_of_the_feed_goes_through(make_jobs: MakeJobs) -> None:
    class Broken(OneByOne):
        def take(self) -> Job | None:
            raise RecordError("study", expected="a database", got="none")

    pool, jobs = Pool(modules=(), slots=1), make_jobs(1)
    pool.prepare(jobs)
    with pytest.raises(RecordError, match="expected a database"):
        pool.launch(Broken(jobs), pool_jobs.complete, lambda _: None, Seen())
    pool.close()
