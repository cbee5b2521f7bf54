"""One pass of a pool over a feed of jobs: what runs, what waits, what has ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seqbench.config.job import Job
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import utc_now
from seqbench.sweeps.burial import bury
from seqbench.sweeps.execute import Feed, Observer, Outcome
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.meanwhile import ended_since, record_of
from seqbench.sweeps.server import MAX_DEATHS, ServerDied, keeps_dying
from seqbench.sweeps.slots import Slot, Slots
from seqbench.sweeps.stopping import STOP_SECONDS

if TYPE_CHECKING:
    from seqbench.sweeps.pool import Pool

TICK_SECONDS = 0.2
ELSEWHERE_SECONDS = 1.0  # between two looks at runs that another process has
STARTS_AT_ONCE = 32  # told before the warm process is heard again


@dataclass(frozen=True)
class Running:
    """A job in its slot; `outcome` is what it has said of its end."""

    job: Job
    slot: Slot
    outcome: Outcome | None = None


@dataclass
class Shift:
    """One pass over a feed of jobs.

    Attributes:
        queue: taken and not started.
        checks: ids of complete runs, which are only looked at.
        running: by number.
        elsewhere: held by a process that is not ours.
    """

    pool: Pool
    machine: Slots
    call: str
    ended: Callable[[Outcome], None]
    observer: Observer
    queue: list[Job] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)
    running: dict[int, Running] = field(default_factory=dict)
    elsewhere: list[Job] = field(default_factory=list)
    _feed: Feed = field(default_factory=Listed)
    _later: list[Job] = field(default_factory=list)  # checks, until all jobs are in the queue
    _number: int = 0
    _deaths: int = 0
    _looked: float = 0.0
    _is_stopping: bool = False
    _began: str = field(default_factory=utc_now)

    def work(self, feed: Feed, checks: Sequence[Job], stops: list[int]) -> None:
        """Until no job is left, or `stops` has grown by a signal."""
        self._feed, self._later = feed, list(checks)
        self.checks = {job.run_id for job in checks}
        obeyed, deadline = 0, float("inf")
        while self.running or (not stops and self._is_to_do()):
            if len(stops) > obeyed or time.monotonic() > deadline:
                self._stop_running(at_once=obeyed > 0)
                obeyed, deadline = len(stops), time.monotonic() + STOP_SECONDS
                continue
            try:
                if not stops:
                    self._fill_slots()
                for message in self.pool.server().messages(TICK_SECONDS):
                    self._hear(message)
            except ServerDied:
                self._requeue()
            if not stops:
                self._look_elsewhere()
            self.observer.tick()

    def _is_to_do(self) -> bool:
        return bool(self.queue or self.elsewhere or self._later) or not self._feed.is_done()

    def _refill(self) -> None:
        while (job := self._feed.take()) is not None:
            self.queue.append(job)
        if self._feed.is_done():
            self.queue += self._later
            self._later.clear()

    def _fill_slots(self) -> None:
        self._refill()
        started = 0
        for job in list(self.queue):
            if started >= STARTS_AT_ONCE:
                return  # it is heard before it is told more: neither waits for the other
            slot = self._slot(job)
            if slot is None:
                continue  # a smaller one may fit
            self.queue.remove(job)
            done = self._done_elsewhere(job)
            if done is not None:
                self.machine.give_back(slot)
                self.ended(done)
                continue
            started += 1
            self._number += 1
            self.running[self._number] = Running(job, slot)
            self.pool.server().tell(
                do="start",
                job=self._number,
                call="seqbench.sweeps.execute:work",
                argument=[self.call, str(job.folder)],
                env=slot.env,
                log=str(RunFolder(job.folder).log),
            )
            self.observer.started(job)

    def _slot(self, job: Job) -> Slot | None:
        is_check = job.run_id in self.checks
        return self.machine.take_core() if is_check else self.machine.take(job.config)

    def _done_elsewhere(self, job: Job) -> Outcome | None:
        """What another sweep has made of the job since this one began, if it is an end."""
        return None if job.run_id in self.checks else ended_since(job, self._began)

    def _hear(self, message: dict[str, Any]) -> None:
        running = self.running.get(message["job"])
        if running is None:
            return
        if "said" in message:
            said = message["said"]
            outcome = Outcome(**{**said, "stale": tuple(said["stale"])})
            self.running[message["job"]] = replace(running, outcome=outcome)
        elif "ended" in message:
            self._deaths = 0
            del self.running[message["job"]]
            self.machine.give_back(running.slot)
            self._end(running, message["ended"])

    def _end(self, running: Running, code: int) -> None:
        job, outcome = running.job, running.outcome
        if outcome is not None and outcome.held:
            self.elsewhere.append(job)
            self.observer.elsewhere(job)
            return
        if outcome is None:
            outcome = Outcome(job.run_id, "interrupted") if self._is_stopping else bury(job, code)
        self.ended(replace(outcome, record=record_of(job)))

    def _stop_running(self, *, at_once: bool) -> None:
        """The first time jobs are asked to checkpoint and stop; then they are killed."""
        self._is_stopping = True
        if not self.pool.server().is_ready:  # nothing has begun
            self.pool.close()
            self.running.clear()
            return
        number = signal.SIGKILL if at_once else signal.SIGTERM
        with suppress(ServerDied):  # heard of in the loop
            for each in self.running:
                self.pool.server().tell(do="signal", job=each, number=int(number), group=at_once)
        if not at_once and self.running:
            self.observer.note(f"stopping: {len(self.running)} running jobs save their checkpoints")

    def _requeue(self) -> None:
        """The warm process has died, and its jobs with it, through no fault of theirs."""
        self._deaths += 1
        self.pool.lose_server()
        for running in self.running.values():
            self.machine.give_back(running.slot)
        self.queue[:0] = [running.job for running in self.running.values()]
        self.running.clear()
        if self._deaths >= MAX_DEATHS:
            raise keeps_dying()
        if not self._is_stopping:
            what = "the process that starts jobs was killed: its jobs are started again"
            self.observer.note(what)

    def _look_elsewhere(self) -> None:
        if time.monotonic() - self._looked < ELSEWHERE_SECONDS:
            return
        self._looked = time.monotonic()
        for job in list(self.elsewhere):
            if is_held(RunFolder(job.folder).lock):
                continue
            self.elsewhere.remove(job)
            self.queue.append(job)
