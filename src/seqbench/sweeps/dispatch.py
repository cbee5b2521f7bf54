"""One pass of a scheduler over a feed of jobs: what was handed over, what runs, what has ended."""

from __future__ import annotations

import math
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from seqbench.config.job import Job
from seqbench.errors import TrainingError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import utc_now
from seqbench.sweeps.execute import Execute, Feed, Observer, Outcome
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.meanwhile import ended_since, record_of
from seqbench.sweeps.pool import Pool
from seqbench.sweeps.stopping import STOP_SECONDS

TICK_SECONDS = 0.5
ELSEWHERE_SECONDS = 2.0  # between two looks at runs that another process has
LEAVE_SECONDS = STOP_SECONDS + 10.0  # a scheduler's own programs have a run that long, and tell it
AGAIN_SECONDS = 10.0  # between two tries to hand over a job that is not taken
GIVE_UP_SECONDS = 300.0  # of such tries, while none of this sweep's jobs is there to end


@dataclass(frozen=True)
class News:
    """What has become of a job.

    Attributes:
        run_id: whose.
        what: "waits": it was started and stopped, and will be started again.
        outcome: of one that has ended.
    """

    run_id: str
    what: Literal["began", "waits", "ended"]
    outcome: Outcome | None = None


class NotTaken(Exception):
    """A job that a scheduler does not take now, and may take later; says why."""


class Scheduler(Protocol):
    """Somebody else's program that decides when and where jobs run.

    Attributes:
        outlives: whether jobs go on without the sweep, so that a closed terminal need not end them.
    """

    outlives: bool

    def submit(self, job: Job) -> None:
        """Hands a job over.

        Raises:
            NotTaken: it is not taken now.
            SeqbenchError: nor will it be.
        """

    def news(self, seconds: float) -> Iterable[News]:
        """What has come about; waits so long for it at most."""

    def stop(self, *, at_once: bool) -> Iterable[str]:
        """Asks for checkpoints and the end of all jobs, or for their end alone.

        Returns:
            The run ids of jobs that go on: another sweep waits for them.
        """


@dataclass
class Dispatch:
    """One pass over a feed of jobs.

    Attributes:
        scheduler: where they go.
        at_once: how many it has at most.
        ended: is told of each job's end.
        observer: is told of starts, and of what the user should know.
        out: what the scheduler has, by run id.
    """

    scheduler: Scheduler
    at_once: int
    ended: Callable[[Outcome], None]
    observer: Observer
    out: dict[str, Job] = field(default_factory=dict)
    _queue: deque[Job] = field(default_factory=deque)
    _elsewhere: list[Job] = field(default_factory=list)
    _begun: set[str] = field(default_factory=set)
    _looked: float = 0.0
    _refused: float | None = None  # since when no job is taken, and none is there
    _tried: float = -math.inf
    _began: str = field(default_factory=utc_now)

    def work(self, feed: Feed, stops: Sequence[int]) -> None:
        """Until no job is left, or `stops` has grown by a signal.

        An error, of the feed for one, leaves no job running: they are asked for checkpoints, too.

        Raises:
            TrainingError: the scheduler goes on taking no job.
        """
        try:
            self._work(feed, stops)
        except BaseException:
            with suppress(Exception):  # the first error is the one to be told
                self._abandon(stops)
            raise

    def _work(self, feed: Feed, stops: Sequence[int]) -> None:
        obeyed, deadline = 0, math.inf
        while self.out or (not stops and (self._queue or self._elsewhere or not feed.is_done())):
            if len(stops) > obeyed or time.monotonic() > deadline:
                if self._leaves(stops[0]):
                    return
                self._stop(at_once=obeyed > 0)
                if obeyed:
                    return
                obeyed, deadline = len(stops), time.monotonic() + LEAVE_SECONDS
            is_more = False
            if not stops:
                is_more = self._submit(feed, stops)
                self._look_elsewhere()
            for news in self.scheduler.news(0.0 if is_more else TICK_SECONDS):
                self._hear(news)
            self.observer.tick()

    def _submit(self, feed: Feed, stops: Sequence[int]) -> bool:
        """Hands over what there is room for; a busy scheduler takes its time over each.

        Returns:
            Whether a tick has passed over it, and there may be more.
        """
        if time.monotonic() - self._tried < AGAIN_SECONDS:
            return False
        until = time.monotonic() + TICK_SECONDS
        while len(self.out) < self.at_once and not stops:
            if time.monotonic() > until:
                return True
            job = self._queue.popleft() if self._queue else feed.take()
            if job is None:
                return False
            done = ended_since(job, self._began)
            if done is not None:
                self.ended(done)
                continue
            try:
                self.scheduler.submit(job)
            except NotTaken as error:
                self._queue.appendleft(job)
                self._try_again(str(error))
                return False
            self._tried, self._refused = -math.inf, None
            self.out[job.run_id] = job
        return False

    def _try_again(self, why: str) -> None:
        """What is not taken now is tried again, for ever while jobs of this sweep may make room."""
        now = time.monotonic()
        if self._tried == -math.inf:
            often, most = f"{AGAIN_SECONDS:g} seconds", f"{GIVE_UP_SECONDS / 60:g} minutes"
            self.observer.note(
                f"no job is taken now ({why}); it is tried again every {often}, "
                f"and given up after {most} without a job of this sweep's there"
            )
        self._tried = now
        if self.out:
            self._refused = None
            return
        self._refused = now if self._refused is None else self._refused
        if now - self._refused >= GIVE_UP_SECONDS:
            raise TrainingError(
                "hydra/launcher",
                expected="a scheduler that takes jobs",
                got=f"none taken in {GIVE_UP_SECONDS / 60:g} minutes: {why}",
                remedy="the same command goes on once it takes them; hydra.launcher.at_once=N "
                "keeps fewer of them in its queue",
            )

    def _hear(self, news: News) -> None:
        job = self.out.get(news.run_id)
        if job is None:
            return
        if news.what == "waits":
            self._begun.discard(news.run_id)
            self.observer.note(f"{news.run_id} was stopped; it is queued again and will go on")
            return
        if news.run_id not in self._begun and not (news.outcome and news.outcome.held):
            self._begun.add(news.run_id)
            self.observer.started(job)
        if news.outcome is not None:
            del self.out[news.run_id]
            self._begun.discard(news.run_id)
            self._end(job, news.outcome)

    def _end(self, job: Job, outcome: Outcome) -> None:
        if outcome.held:
            self._elsewhere.append(job)
            self.observer.elsewhere(job)
            return
        record = outcome.record or record_of(job)
        self.ended(Outcome(**{**vars(outcome), "record": record}))

    def _stop(self, *, at_once: bool) -> None:
        for name in self.scheduler.stop(at_once=at_once):
            job = self.out.pop(name)
            self._begun.discard(name)
            self._end(job, Outcome(name, "interrupted", "another sweep waits for it: it goes on"))
        if not at_once and self.out:
            running = len(self._begun)
            waiting = len(self.out) - running
            parts = [f"{running} running jobs save their checkpoints"] * bool(running)
            parts += [f"{waiting} waiting jobs are cancelled"] * bool(waiting)
            self.observer.note(f"stopping: {', '.join(parts)}")

    def _abandon(self, stops: Sequence[int]) -> None:
        """Has what is out end, and tells nobody how: it may be they who raised."""
        if not self.out:
            return
        before = len(stops)
        for name in self.scheduler.stop(at_once=False):
            del self.out[name]
        self.observer.note(f"an error ends the sweep: {len(self.out)} jobs are stopped")
        deadline = time.monotonic() + LEAVE_SECONDS
        while self.out and len(stops) == before and time.monotonic() < deadline:
            for news in self.scheduler.news(TICK_SECONDS):
                if news.what == "ended":
                    self.out.pop(news.run_id, None)

    def _leaves(self, number: int) -> bool:
        """Whether this sweep ends and its jobs do not: a closed terminal is not a cluster's end."""
        if not (self.scheduler.outlives and number == signal.SIGHUP):
            return False
        self.observer.note(f"{len(self.out)} jobs stay queued; the same command finds them again")
        return True

    def _look_elsewhere(self) -> None:
        if time.monotonic() - self._looked < ELSEWHERE_SECONDS:
            return
        self._looked = time.monotonic()
        for job in list(self._elsewhere):
            if not is_held(RunFolder(job.folder).lock):
                self._elsewhere.remove(job)
                self._queue.append(job)


def look_at(
    checks: Sequence[Job],
    execute: Execute,
    ended: Callable[[Outcome], None],
    observer: Observer,
) -> bool:
    """Looks at complete runs here: that trains nothing, and no scheduler should wait for room.

    Returns:
        Whether it was told to stop.
    """
    if not checks:
        return False
    pool = Pool(slots=1)
    try:
        return pool.launch(Listed(), execute, ended, observer, checks)
    finally:
        pool.close()
