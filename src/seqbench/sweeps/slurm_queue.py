"""A sweep's part of Slurm's queue: the jobs that it has handed over, and what becomes of them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seqbench.config.job import Job
from seqbench.records.claim import is_held
from seqbench.records.provenance import utc_now
from seqbench.sweeps.burial import bury_as
from seqbench.sweeps.dispatch import News, NotTaken
from seqbench.sweeps.execute import Observer, Outcome
from seqbench.sweeps.meanwhile import ended_since
from seqbench.sweeps.node import Order, told
from seqbench.sweeps.slurm_commands import NoAnswer, Queued, cancel, details, is_end, queue
from seqbench.sweeps.slurm_submission import call_back, script, submit

FOLDER = "slurm"  # in the study's, for scripts and what Slurm prints
LOCK = ".lock"  # in that, of the sweep that waits for the jobs
LOOK_SECONDS = 1.0  # between two looks for what jobs have told
LINGER_SECONDS = 10.0  # out of the queue, before a job is given up: its last word may come late
MAX_LOSSES = 3  # of a run's job, through no fault of its own; it goes on in another
_RUNS = ("RUNNING", "COMPLETING", "STOPPED", "SUSPENDED", "STAGE_OUT", "SIGNALING")
_LOST = ("BOOT_FAIL", "NODE_FAIL", "PREEMPTED", "TIMEOUT")  # ends that are not the run's fault
_HELD = r"held|holdmax"  # a reason to wait that scontrol can do away with
# Reasons to wait that no time and no other job's end does away with.
_STUCK = re.compile(
    rf"{_HELD}|never|invalid|not ?allowed|not ?satisfied|badconstraints|deleted|perjob"
    r"|(partitionnode|partitiontime|qostime|maxmemper)limit",
    re.IGNORECASE,
)


@dataclass
class Handed:
    """A job that Slurm has.

    Attributes:
        job_id: Slurm's.
        job: the run.
        state: as last seen in the queue.
        missed: since when it is not in the queue; None while it is.
        is_mine: whether this sweep may cancel it.
        is_cancelled: whether Slurm was told to.
        is_lost: whether it has ended, and its run goes on in another; Slurm forgets it in minutes.
        since: when it was handed over, ISO 8601.
    """

    job_id: str
    job: Job
    state: str = "PENDING"
    missed: float | None = None
    is_mine: bool = True
    is_cancelled: bool = False
    is_lost: bool = False
    since: str = field(default_factory=utc_now)


@dataclass
class SlurmQueue:
    """A `Scheduler`.

    Attributes:
        call: the function that executes a run, as `module:name`.
        flags: sbatch's options of a job.
        setup: lines of shell before it.
        python: what starts Python on a node.
        poll_seconds: between two looks at the queue.
        claim: whether no other sweep that lives has this study's jobs.
        observer: is told what the user should know.
    """

    call: str
    flags: Callable[[Job], dict[str, Any]]
    setup: Sequence[str]
    python: str
    poll_seconds: float
    claim: Callable[[Path], bool]
    observer: Observer
    outlives: bool = True
    _handed: dict[str, Handed] = field(default_factory=dict)
    _left: dict[str, Queued] | None = None
    _doubtful: set[str] = field(default_factory=set)  # runs of which Slurm may have a job
    _losses: Counter[str] = field(default_factory=Counter)
    _stuck: set[str] = field(default_factory=set)  # reasons that the user was told
    _is_mine: bool = True
    _looked: float = 0.0
    _is_silent: bool = False
    _is_uncancelled: bool = False
    _is_stopping: bool = False

    def submit(self, job: Job) -> None:
        """Hands a job to Slurm, unless an earlier sweep has left it in the queue.

        Raises:
            NotTaken: Slurm does not take it now: its controller is busy or away, or a limit of how
                many jobs may be queued is reached.
            ConfigError: what sbatch answers cannot be understood.
        """
        folder = _folder(job)
        if self._left is None:
            self._find_left(folder)
        assert self._left is not None
        found = self._left.pop(job.run_id, None)
        if found is not None:
            handed = Handed(found.job_id, job, is_mine=self._is_mine)
            if not _runs(found.state):
                _word(folder, found.job_id).unlink(missing_ok=True)  # of an earlier start
        else:
            handed = Handed(self._submit(job, folder), job)
        self._handed[job.run_id] = handed

    def news(self, seconds: float) -> Iterator[News]:
        """What jobs have told, and what the queue shows; the queue is looked at now and then."""
        time.sleep(min(seconds, LOOK_SECONDS))
        for handed in list(self._handed.values()):
            outcome = _told(handed)
            if outcome is not None and outcome.status != "interrupted":
                yield self._over(handed, outcome)  # an interrupted one may be queued again
        if time.monotonic() - self._looked >= self.poll_seconds:
            self._looked = time.monotonic()
            yield from self._look_at_queue()

    def stop(self, *, at_once: bool) -> Iterable[str]:
        """Cancels the jobs; that they are killed if they do not end is up to Slurm.

        Returns:
            The run ids of jobs that are another sweep's, and go on.
        """
        self._is_stopping = True
        theirs = [name for name, handed in self._handed.items() if not handed.is_mine]
        for name in theirs:
            del self._handed[name]
        self._looked = 0.0
        self.poll_seconds = min(self.poll_seconds, LOOK_SECONDS)
        self._cancel([each for each in self._handed.values() if not each.is_cancelled])
        return theirs

    def _cancel(self, jobs: Sequence[Handed]) -> None:
        """Has jobs cancelled; that they were not is told once, and tried again at the next look."""
        if not jobs:
            return
        try:
            cancel(each.job_id for each in jobs)
        except NoAnswer as error:
            if not self._is_uncancelled:
                ids = " ".join(each.job_id for each in jobs)
                self.observer.note(f"the jobs could not be cancelled ({error}): scancel {ids}")
            self._is_uncancelled = True
            return
        for each in jobs:
            each.is_cancelled = True

    def _find_left(self, folder: Path) -> None:
        """What is queued of this study, by whom it was submitted.

        Raises:
            NotTaken: the queue cannot be looked at, and what is in it would be submitted twice.
        """
        folder.mkdir(parents=True, exist_ok=True)
        try:
            queued = list(queue())
        except NoAnswer as error:
            raise NotTaken(str(error)) from error
        self._is_mine = self.claim(folder)
        ours = (each for each in queued if script(folder, each.job_id).exists())
        self._left = {each.name: each for each in ours if _is_to_run(each, folder)}
        if self._left:
            self.observer.note(
                f"{len(self._left)} jobs of this study are in Slurm's queue, as they were "
                "submitted: their runs are not submitted again"
            )

    def _submit(self, job: Job, folder: Path) -> str:
        if job.run_id in self._doubtful and self._is_mine:
            call_back(job.run_id, folder)
        self._doubtful.add(job.run_id)
        job_id = submit(
            job.run_id,
            Order.of(job, self.call),
            folder,
            flags=self.flags(job),
            setup=self.setup,
            python=self.python,
        )
        self._doubtful.discard(job.run_id)
        _word(folder, job_id).unlink(missing_ok=True)  # of another job: Slurm counts from 1 again
        return job_id

    def _look_at_queue(self) -> Iterator[News]:
        try:
            there = {each.job_id: each for each in queue()}
            for handed in list(self._handed.values()):
                found = there.get(handed.job_id)
                yield from self._missed(handed) if found is None else self._seen(handed, found)
            yield from self._resubmitted([e for e in self._handed.values() if e.is_lost])
        except NoAnswer as error:
            if not self._is_silent:
                self.observer.note(f"Slurm does not answer and is asked again: {error}")
            self._is_silent = True
            return
        self._is_silent = False
        if self._is_stopping:
            left = [each for each in self._handed.values() if each.job_id in there]
            self._cancel([each for each in left if each.state != "COMPLETING"])

    def _seen(self, handed: Handed, found: Queued) -> Iterator[News]:
        handed.missed = None
        before, handed.state = handed.state, found.state
        if _runs(found.state) and not _runs(before):
            yield News(handed.job.run_id, "began")
        elif _runs(before) and not _runs(found.state):
            yield News(handed.job.run_id, "waits")
        if not _runs(found.state) and _STUCK.search(found.reason):
            self._tell_stuck(handed, found)

    def _tell_stuck(self, handed: Handed, found: Queued) -> None:
        """A job that does not start by itself is waited for; each reason is told once."""
        if found.reason in self._stuck or self._is_stopping:
            return
        self._stuck.add(found.reason)
        ends = f"scancel {found.job_id} ends it"
        can_go = re.search(_HELD, found.reason, re.IGNORECASE) is not None
        remedy = f"scontrol release {found.job_id} lets it go, {ends}" if can_go else ends
        self.observer.note(
            f"{handed.job.run_id} does not start by itself ({found.reason}): {remedy}"
        )

    def _missed(self, handed: Handed) -> Iterator[News]:
        """A job that is not in the queue has ended; how, it may have told, or Slurm knows.

        One that was interrupted may be on its way back into the queue.

        Raises:
            NoAnswer: Slurm is not asked now.
        """
        if self._is_stopping:  # what it is then called in Slurm differs, and may not be told
            yield self._over(handed, _told(handed) or Outcome(handed.job.run_id, "interrupted"))
            return
        handed.missed = handed.missed or time.monotonic()
        if handed.is_lost or time.monotonic() - handed.missed < LINGER_SECONDS:
            return
        known = details(handed.job_id)
        state = known.get("JobState", "")
        done = ended_since(handed.job, handed.since)
        if state and not is_end(state):
            handed.missed = None
        elif done is not None:  # its job was lost before it could tell
            yield self._over(handed, replace(done, already=False))
        elif self._is_lost(handed, state):
            cancel([handed.job_id])  # Slurm may yet bring it back
            handed.is_lost = handed.is_cancelled = True
        else:
            yield self._over(handed, _told(handed) or self._end_unheard(handed, known))

    def _is_lost(self, handed: Handed, state: str) -> bool:
        """Whether the run has not ended with its job, and has another try."""
        outcome = _told(handed)  # if any, then that it was interrupted
        is_lost = state in _LOST or (outcome is not None and state == "FAILED")
        return is_lost and self._losses[handed.job.run_id] < MAX_LOSSES - 1

    def _resubmitted(self, lost: Sequence[Handed]) -> Iterator[News]:
        """One of them: each may take a minute, and the sweep is to hear Ctrl-C between two."""
        if not lost or self._is_stopping:
            return
        job = lost[0].job
        try:
            again = Handed(self._submit(job, _folder(job)), job)
        except NotTaken:
            return  # it is tried again
        self._losses[job.run_id] += 1
        self._handed[job.run_id] = again
        if lost[1:]:
            self._looked = 0.0  # the next one's turn comes soon
        yield News(job.run_id, "waits")

    def _end_unheard(self, handed: Handed, known: Mapping[str, str]) -> Outcome:
        state = known.get("JobState", "no longer known")
        if state == "CANCELLED":
            return Outcome(handed.job.run_id, "interrupted", "cancelled in Slurm")
        code = known.get("ExitCode", "unknown")
        printed = _folder(handed.job) / f"{handed.job_id}_0_log.err"
        message = f"Slurm's job {handed.job_id} ended ({state}, exit code {code}), see {printed}"
        return bury_as(handed.job, known.get("JobState", "ProcessEnd"), message)

    def _over(self, handed: Handed, outcome: Outcome) -> News:
        del self._handed[handed.job.run_id]
        if outcome.status in ("completed", "pruned"):
            for path in _folder(handed.job).glob(f"{handed.job_id}[_.]*"):
                path.unlink(missing_ok=True)
        return News(handed.job.run_id, "ended", outcome)


def has_waiting(study: Path) -> bool:
    """Whether a sweep lives that has jobs of the study in Slurm's queue."""
    return is_held(study / FOLDER / LOCK)


def _folder(job: Job) -> Path:
    return job.folder.parent / FOLDER


def _word(folder: Path, job_id: str) -> Path:
    """Where a job says how it has ended."""
    return folder / f"{job_id}.json"


def _told(handed: Handed) -> Outcome | None:
    outcome = told(_word(_folder(handed.job), handed.job_id))
    return outcome if outcome is not None and outcome.run_id == handed.job.run_id else None


def _is_to_run(queued: Queued, folder: Path) -> bool:
    """Whether a job in the queue has not done its work yet, and is not on its way out."""
    outcome = told(_word(folder, queued.job_id))
    if not _runs(queued.state):
        return True
    return queued.state != "COMPLETING" and (outcome is None or outcome.status == "interrupted")


def _runs(state: str) -> bool:
    return state in _RUNS
