"""What a sweep does with a scheduler, whichever it is."""

from __future__ import annotations

import contextlib
import signal
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from tests.sweeps.seen import MakeJobs, Seen
from tests.sweeps.stored import store

from seqbench.config.job import Job
from seqbench.records.folder import RunFolder
from seqbench.sweeps import dispatch
from seqbench.sweeps.dispatch import Dispatch, News
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.feed import Listed


@dataclass
class Scripted:
    """A scheduler that tells what it was given to tell; by default each job completes."""

    outlives: bool = False
    script: deque[News] = field(default_factory=deque)
    log: list[str] = field(default_factory=list)
    most: int = 0
    held: set[str] = field(default_factory=set)
    queued: list[str] = field(default_factory=list)

    def submit(self, job: Job) -> None:
        self.log.append(f"submit {job.seed}")
        self.queued.append(job.run_id)
        self.most = max(self.most, len(self.queued))

    def news(self, seconds: float) -> Iterator[News]:
        if self.script:
            yield self.script.popleft()
        elif self.queued:
            name = self.queued.pop(0)
            held = name in self.held
            self.held.discard(name)
            yield News(name, "ended", Outcome(name, "failed" if held else "completed", held=held))

    def stop(self, *, at_once: bool) -> None:
        self.log.append(f"stop {at_once}")


def run(
    jobs: list[Job], scheduler: Scripted, stops: list[int] | None = None, at_once: int = 2
) -> tuple[list[Outcome], Seen]:
    outcomes, seen = list[Outcome](), Seen()
    Dispatch(scheduler, at_once, outcomes.append, seen).work(Listed(jobs), stops or [])
    return outcomes, seen


def test_no_more_are_handed_over_than_wanted(make_jobs: MakeJobs) -> None:
    jobs, scheduler = make_jobs(5), Scripted()
    for job in jobs:
        store(job)
    outcomes, seen = run(jobs, scheduler)
    assert [outcome.run_id for outcome in outcomes] == [job.run_id for job in jobs]
    assert all(outcome.record is not None for outcome in outcomes)
    assert scheduler.most == 2
    assert seen.log == [f"started {seed}" for seed in range(5)]


def test_a_job_that_comes_back_has_not_ended(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(1)
    name = jobs[0].run_id
    told = [News(name, "began"), News(name, "waits"), News("a stranger's", "began")]
    outcomes, seen = run(jobs, Scripted(script=deque(told)))
    assert [outcome.status for outcome in outcomes] == ["completed"]
    assert seen.log == [
        "started 0", f"{name} was stopped; it is queued again and will go on", "started 0",
    ]  # fmt: skip


def test_a_run_that_another_process_has_is_waited_for(
    make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "ELSEWHERE_SECONDS", 0.0)
    jobs = make_jobs(1)
    scheduler = Scripted(held={jobs[0].run_id})
    seen, outcomes = Seen(), list[Outcome]()
    with contextlib.ExitStack() as other:
        other.enter_context(RunFolder(jobs[0].folder).claim())

        def end() -> None:
            store(jobs[0], finished="2999-01-01T00:00:00Z")
            other.close()

        seen.on_elsewhere = end
        Dispatch(scheduler, 1, outcomes.append, seen).work(Listed(jobs), [])
    assert [(outcome.status, outcome.already) for outcome in outcomes] == [("completed", True)]
    assert scheduler.log == ["submit 0"]
    assert seen.log == ["elsewhere 0"]


def test_a_stop_is_told_once_and_waited_for(make_jobs: MakeJobs) -> None:
    jobs = make_jobs(4)
    stops: list[int] = []

    class Stopped(Scripted):
        def news(self, seconds: float) -> Iterator[News]:
            if not stops:
                stops.append(signal.SIGINT)
                yield News(self.queued[0], "began")
            else:
                name = self.queued.pop(0)
                yield News(name, "ended", Outcome(name, "interrupted"))

    scheduler, outcomes, seen = Stopped(), list[Outcome](), Seen()
    Dispatch(scheduler, 2, outcomes.append, seen).work(Listed(jobs), stops)
    assert scheduler.log == ["submit 0", "submit 1", "stop False"]
    assert [outcome.status for outcome in outcomes] == ["interrupted"] * 2
    note = "stopping: 1 running jobs save their checkpoints, 1 waiting jobs are cancelled"
    assert note in seen.log


def test_told_twice_to_stop_it_waits_no_longer(make_jobs: MakeJobs) -> None:
    stops: list[int] = []

    class Deaf(Scripted):
        def news(self, seconds: float) -> Iterator[News]:
            stops.append(signal.SIGINT)
            yield from ()

    scheduler = Deaf()
    Dispatch(scheduler, 2, lambda _: None, Seen()).work(Listed(make_jobs(1)), stops)
    assert scheduler.log == ["submit 0", "stop False", "stop True"]


@pytest.mark.parametrize("outlives", [True, False])
def test_a_closed_terminal_ends_no_job_of_a_cluster(outlives: bool, make_jobs: MakeJobs) -> None:
    stops: list[int] = []

    class Closed(Scripted):
        def news(self, seconds: float) -> Iterator[News]:
            stops.append(signal.SIGHUP)
            yield from ()

    scheduler, seen = Closed(outlives=outlives), Seen()
    Dispatch(scheduler, 2, lambda _: None, seen).work(Listed(make_jobs(1)), stops)
    assert ("stop False" in scheduler.log) is not outlives
    note = "1 jobs stay queued; the same command finds them again"
    assert (note in seen.log) is outlives
