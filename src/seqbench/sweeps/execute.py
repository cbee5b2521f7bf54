"""Executing jobs so that one that fails stops no other, and says why it failed."""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from seqbench.config.job import Job, thaw
from seqbench.errors import RecordError, SeqbenchError
from seqbench.records.claim import Held
from seqbench.records.folder import RunFolder
from seqbench.records.record import STATUSES, RunRecord
from seqbench.records.secrets import without_secrets
from seqbench.sweeps.child import Say, referenced
from seqbench.sweeps.state import RunStatus


class Execution(Protocol):
    """What executing a job gives back: `seqbench.training.execute.Execution`."""

    @property
    def record(self) -> RunRecord:
        """The run's record."""

    @property
    def was_complete(self) -> bool:
        """Whether it had been there already."""

    @property
    def stale(self) -> tuple[str, ...]:
        """What has changed since that record was made."""


Execute = Callable[[Job], Execution]

MAX_STALE = 10  # of the stale runs that a sweep names one by one


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        run_id: whose end it is.
        status: how.
        reason: why it failed, in a line; empty for a completed or pruned one.
        record: the run's record, where it can be read.
        already: it was complete before.
        stale: what has changed since a record that was there was made: "code", "data".
        held: another process has the run folder, so that nothing was done here.
    """

    run_id: str
    status: Literal["completed", "pruned", "failed", "interrupted"]
    reason: str = ""
    record: RunRecord | None = None
    already: bool = False
    stale: tuple[str, ...] = ()
    held: bool = False


class Observer(Protocol):
    """What a launcher tells while it works."""

    def begin(self, statuses: Sequence[RunStatus], at_once: int) -> None:
        """So things stand, one status a job; so many jobs will run side by side."""

    def started(self, job: Job) -> None:
        """The job has a slot."""

    def elsewhere(self, job: Job) -> None:
        """Another process has the job's run folder: its end is waited for."""

    def ended(self, outcome: Outcome) -> None:
        """A job has ended."""

    def note(self, line: str) -> None:
        """Something the user should know."""

    def tick(self) -> None:
        """Some tenths of a second have passed."""


class Feed(Protocol):
    """Where a launcher gets its jobs from: a list, or a search that makes up one after another.

    A feed knows by itself how many of its jobs are under way: from `take` until `ended` was told of
    them. One whose jobs depend on how earlier ones end holds some back. While none is under way it
    has a job, or is done. Both methods are called from one thread, that which calls `ended`.
    """

    def take(self) -> Job | None:
        """A job to start now, its config frozen on disk; None: none at the moment."""

    def is_done(self) -> bool:
        """Whether no further job will come, whatever happens to those that were taken."""


class Launcher(Protocol):
    """What executes jobs."""

    def prepare(self, jobs: Sequence[Job]) -> int:
        """How many of the jobs will run at once; refuses those that never can.

        It comes before `launch`, unless there are only checks.
        """

    def launch(
        self,
        feed: Feed,
        execute: Execute,
        ended: Callable[[Outcome], None],
        observer: Observer,
        checks: Sequence[Job] = (),
    ) -> bool:
        """Executes the feed's jobs, then the checks, and tells how each ends.

        It takes jobs whenever it may have room, and at least each time that one has ended, until
        `take` gives none; it comes back once the feed is done and all that it took has ended.
        Every second at the latest it calls `observer.tick`: whoever feeds it looks after running
        jobs then. Told to stop it takes no more, and what runs saves a checkpoint. An error that
        the feed raises goes through.

        Args:
            feed: the jobs.
            execute: does one job; what it raises is that job's outcome.
            ended: is told of each job once, as it ends; of those that were stopped too, if it can.
            observer: is told of starts, and of what the user should know.
            checks: complete runs to be looked at: executing them trains nothing.

        Returns:
            Whether it was told to stop: then nothing else is to be begun either.
        """


def attempt(job: Job, execute: Execute) -> Outcome:
    """Executes one job, and catches what it raises; only Ctrl-C gets through."""
    try:
        done = execute(job)
    except Exception as error:
        if os.environ.get("SEQBENCH_DEBUG") == "1":
            # A job's stderr is its log.
            print(without_secrets(traceback.format_exc()), file=sys.stderr)
        return Outcome(job.run_id, "failed", reason(error), held=isinstance(error, Held))
    record = done.record
    if record.status == "completed":
        return Outcome(
            job.run_id, "completed", record=record, already=done.was_complete, stale=done.stale
        )
    if record.status == "pruned":
        return Outcome(job.run_id, "pruned", record=record)
    status: Literal["failed", "interrupted"] = (
        "interrupted" if record.status == "interrupted" else "failed"
    )
    return Outcome(job.run_id, status, reason_of(record), record)


def work(argument: Sequence[str], say: Say) -> None:
    """A pool job's program: executes the frozen config, and says how it ended.

    Args:
        argument: the function that executes it, as `module:name`, and the run folder.
        say: tells the pool, which reads the record itself.
    """
    call, folder = argument
    try:
        outcome = attempt(thaw(Path(folder)), referenced(call))
    except RecordError as error:
        outcome = Outcome(Path(folder).name, "failed", reason(error))
    except KeyboardInterrupt:
        outcome = Outcome(Path(folder).name, "interrupted")
    say(asdict(replace(outcome, record=None)))


def unfinished(jobs: Iterable[Job], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The jobs that have no outcome yet, as interrupted."""
    ended = {outcome.run_id for outcome in outcomes}
    return [Outcome(job.run_id, "interrupted") for job in jobs if job.run_id not in ended]


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """130 if the sweep was interrupted, else 1 if a job failed, else 0."""
    states = {outcome.status for outcome in outcomes}
    return 130 if "interrupted" in states else int("failed" in states)


def summary(outcomes: Sequence[Outcome], jobs: Sequence[Job]) -> list[str]:
    """How many ended how; each failed run with its reason and log, each stale one with why."""
    log = {job.run_id: RunFolder(job.folder).log for job in jobs}
    counts: Counter[str] = Counter(outcome.status for outcome in outcomes)
    words = [f"{counts[status]} {status}" for status in STATUSES if counts[status]]
    before = sum(outcome.already and outcome.status == "completed" for outcome in outcomes)
    if before:
        words[0] += f" ({before} of them before)"
    lines = [f"{len(outcomes)} runs: {', '.join(words) or 'none'}"]
    for outcome in outcomes:
        if outcome.status == "failed":
            lines += [
                f"failed: {outcome.run_id}: {outcome.reason}",
                f"  log: {log[outcome.run_id]}",
            ]
    stale = [outcome for outcome in outcomes if outcome.stale]
    lines += [f"stale: {each.run_id}: {changed(each.stale)}" for each in stale[:MAX_STALE]]
    if len(stale) > MAX_STALE:
        lines.append(f"stale: {len(stale) - MAX_STALE} more; dry_run=true lists them")
    return [*lines, "rerun=stale does stale runs again"] if stale else lines


def changed(stale: Sequence[str]) -> str:
    """What makes a record stale, in words."""
    return f"its {' and '.join(stale)} changed since"


def reason(error: object) -> str:
    """An exception in one line."""
    if isinstance(error, SeqbenchError):
        return " | ".join(error.line().splitlines())
    return " ".join(f"{type(error).__name__}: {error}".split())


def reason_of(record: RunRecord) -> str:
    """Why a run failed, in a line."""
    if record.error is None:
        return "no reason recorded"
    return " ".join(f"{record.error.type}: {record.error.message}".split())
