"""Executing jobs so that one that fails stops no other, and says why it failed."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from seqbench.config.job import Job
from seqbench.errors import SeqbenchError


class Record(Protocol):
    """What executing a job gives back: `RunRecord`, as far as a sweep looks at it."""

    @property
    def status(self) -> str:
        """`completed`, `failed` or `interrupted`."""

    @property
    def error(self) -> object | None:
        """Why it failed: something with `type` and `message`."""


Execute = Callable[[Job], Record]


@dataclass(frozen=True)
class Outcome:
    """How a job ended; `reason` is one line, empty for a completed one."""

    run_id: str
    status: Literal["completed", "failed", "interrupted"]
    reason: str = ""
    record: Record | None = None


def attempt(job: Job, execute: Execute) -> Outcome:
    """Executes one job, and catches what it raises; only Ctrl-C gets through."""
    try:
        record = execute(job)
    except Exception as error:
        if os.environ.get("SEQBENCH_DEBUG") == "1":
            traceback.print_exc(file=sys.stderr)
        return Outcome(job.run_id, "failed", reason(error))
    if record.status == "completed":
        return Outcome(job.run_id, "completed", record=record)
    status: Literal["failed", "interrupted"] = (
        "interrupted" if record.status == "interrupted" else "failed"
    )
    return Outcome(job.run_id, status, _reason(record), record)


def unfinished(jobs: Iterable[Job], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The jobs that have no outcome yet, as interrupted."""
    ended = {outcome.run_id for outcome in outcomes}
    return [Outcome(job.run_id, "interrupted") for job in jobs if job.run_id not in ended]


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """130 if the sweep was interrupted, else 1 if a job failed, else 0."""
    states = {outcome.status for outcome in outcomes}
    return 130 if "interrupted" in states else int("failed" in states)


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """How many ended how, and each failed run with its reason."""
    counts = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in ("completed", "failed", "interrupted")
    }
    words = [f"{count} {status}" for status, count in counts.items() if count]
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    return [
        f"{len(outcomes)} runs: {', '.join(words) or 'none'}",
        *(f"failed: {outcome.run_id}: {outcome.reason}" for outcome in failed),
    ]


def reason(error: object) -> str:
    """An exception in one line."""
    if isinstance(error, SeqbenchError):
        return " | ".join(error.line().splitlines())
    return " ".join(f"{type(error).__name__}: {error}".split())


def _reason(record: Record) -> str:
    error = record.error
    if error is None:
        return "no reason recorded"
    kind, message = getattr(error, "type", "error"), getattr(error, "message", str(error))
    return " ".join(f"{kind}: {message}".split())
