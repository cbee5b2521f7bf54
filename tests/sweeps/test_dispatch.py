"""What a sweep does with a scheduler, whichever it is."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from tests.sweeps.seen import MakeJobs, Seen, Torn
from tests.sweeps.stored import store

from seqbench.config.job import Job
from seqbench.errors import TrainingError
from seqbench.records.folder import RunFolder
from seqbench.sweeps import dispatch
from seqbench.sweeps.dispatch import Dispatch, News, NotTaken
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.feed import Listed
from seqbench.training.distributed import CHECKPOINT_SECONDS


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

    def stop(self, *, at_once: bool) -> list[str]:
        self.log.append(f"stop {at_once}")
        return []


def run(
    jobs: list[Job], scheduler: Scripted, stops: list[int] | None = None, at_once: int = 2
) -> tuple[list[Outcome], Seen]:
    outcomes, seen = list[Outcome](), Seen()
    Dispatch(scheduler, at_once, outcomes.append, seen).work(
        Listed(jobs), [] if stops is None else stops
    )
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


class Slow(Scripted):
    """Takes its time over each job; while it takes one, somebody says stop."""

    stopped_at: int = 99
    stops: list[int]

    def submit(self, job: Job) -> None:
        if job.seed == self.stopped_at:
            self.stops.append(signal.SIGINT)
        time.sleep(0.02)
        super().submit(job)

    def news(self, seconds: float) -> Iterator[News]:
        self.log.append("news")
        yield from super().news(seconds)


def test_told_to_stop_it_hands_no_further_job_over(make_jobs: MakeJobs) -> None:
    scheduler = Slow()
    scheduler.stops, scheduler.stopped_at = [], 1
    Dispatch(scheduler, 9, lambda _: None, Seen()).work(Listed(make_jobs(5)), scheduler.stops)
    assert scheduler.log[:4] == ["submit 0", "submit 1", "news", "stop False"]


def test_others_are_heard_while_a_slow_scheduler_takes_jobs(
    make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "TICK_SECONDS", 0.03)
    scheduler, seen, ticks = Slow(), Seen(), list[int]()
    seen.tick = lambda: ticks.append(len(scheduler.log))  # type: ignore[method-assign]
    Dispatch(scheduler, 9, lambda _: None, seen).work(Listed(make_jobs(6)), [])
    assert scheduler.log.index("news") < scheduler.log.index("submit 5")
    assert ticks[0] < scheduler.log.index("submit 5")


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


def test_an_error_in_mid_sweep_leaves_no_job_running(make_jobs: MakeJobs) -> None:
    class Saves(Scripted):
        """Its jobs save their checkpoints before they end."""

        def news(self, seconds: float) -> Iterator[News]:
            self.log.append("news")
            yield News(self.queued[0], "began")
            if "stop False" in self.log:
                yield News(self.queued.pop(0), "ended", None)

    scheduler, seen = Saves(), Seen()
    with pytest.raises(TrainingError, match="database is gone"):
        Dispatch(scheduler, 3, pytest.fail, seen).work(Torn(make_jobs(2), seen), [])
    assert scheduler.log == ["submit 0", "submit 1", "news", "stop False", "news", "news"]
    assert seen.log[-1] == "an error ends the sweep: 2 jobs are stopped"


def test_an_error_of_a_scheduler_that_is_gone_is_the_one_told(make_jobs: MakeJobs) -> None:
    class Gone(Scripted):
        def news(self, seconds: float) -> Iterator[News]:
            raise TrainingError("gone")

        def stop(self, *, at_once: bool) -> list[str]:
            raise ConnectionError

    with pytest.raises(TrainingError, match="gone"):
        run(make_jobs(1), Gone())


class Busy(Scripted):
    """Takes only every third job that it is given, and ends one in three looks."""

    tries = looks = 0

    def submit(self, job: Job) -> None:
        self.tries += 1
        if self.tries % 3:
            raise NotTaken("queue is full")
        super().submit(job)

    def news(self, seconds: float) -> Iterator[News]:
        self.looks += 1
        if not self.looks % 3:
            yield from super().news(seconds)


def test_a_job_that_is_not_taken_now_is_tried_again(
    make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "AGAIN_SECONDS", 0.0)
    scheduler = Busy()
    outcomes, seen = run(make_jobs(3), scheduler)
    assert [outcome.status for outcome in outcomes] == ["completed"] * 3
    assert scheduler.log == ["submit 0", "submit 1", "submit 2"]  # their order is kept
    notes = [line for line in seen.log if "started" not in line]
    assert (
        notes
        == [
            "no job is taken now (queue is full); it is tried again every 0 seconds, and given up "
            "after 5 minutes without a job of this sweep's there"
        ]
        * 3
    )  # once each, not at each try


def test_a_scheduler_is_not_asked_again_at_every_tick(make_jobs: MakeJobs) -> None:
    stops: list[int] = []

    class Impatient(Busy):
        def news(self, seconds: float) -> Iterator[News]:
            self.looks += 1
            if self.looks == 5:
                stops.append(signal.SIGINT)
            yield from ()

    scheduler = Impatient()
    assert run(make_jobs(1), scheduler, stops)[0] == []
    assert scheduler.tries == 1


@pytest.mark.parametrize("one_runs", [True, False])
def test_a_scheduler_that_takes_no_job_is_given_up_once_none_of_ours_is_there(
    one_runs: bool, make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(dispatch, "GIVE_UP_SECONDS", 0.0)

    class Full(Busy):
        def submit(self, job: Job) -> None:
            self.tries += 1
            if not one_runs or self.tries > 1:
                raise NotTaken("queue is full")
            Scripted.submit(self, job)

    scheduler, outcomes = Full(), list[Outcome]()
    with pytest.raises(TrainingError) as caught:
        Dispatch(scheduler, 2, outcomes.append, Seen()).work(Listed(make_jobs(2)), [])
    assert caught.value.line() == (
        "hydra/launcher: expected a scheduler that takes jobs, got none taken in 0 minutes: queue "
        "is full; the same command goes on once it takes them; hydra.launcher.at_once=N keeps "
        "fewer of them in its queue"
    )
    assert len(outcomes) == one_runs  # it has made room, in vain
    assert scheduler.tries == (1 if not one_runs else 5)


def test_jobs_that_another_sweep_waits_for_are_not_waited_for(make_jobs: MakeJobs) -> None:
    jobs, stops = make_jobs(2), list[int]()

    class Shared(Scripted):
        def news(self, seconds: float) -> Iterator[News]:
            if not stops:
                stops.append(signal.SIGINT)
                yield News(jobs[0].run_id, "began")
                yield News(jobs[1].run_id, "began")
            else:
                yield News(jobs[1].run_id, "ended", Outcome(jobs[1].run_id, "interrupted"))

        def stop(self, *, at_once: bool) -> list[str]:
            return [jobs[0].run_id]

    outcomes, seen = run(jobs, Shared(), stops)
    assert [(item.run_id, item.status, item.reason) for item in outcomes] == [
        (jobs[0].run_id, "interrupted", "another sweep waits for it: it goes on"),
        (jobs[1].run_id, "interrupted", ""),
    ]
    assert seen.log[-1] == "stopping: 1 running jobs save their checkpoints"


def test_who_ends_jobs_waits_longer_than_they_do_for_their_own() -> None:
    assert CHECKPOINT_SECONDS < dispatch.STOP_SECONDS < dispatch.LEAVE_SECONDS
