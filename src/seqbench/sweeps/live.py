"""The table of a sweep that runs here: what its launcher tells, and what its run folders show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from seqbench.config.job import Job, is_baseline
from seqbench.records.record import PRUNED, RunRecord
from seqbench.records.searches import is_trial
from seqbench.sweeps.estimate import estimate
from seqbench.sweeps.execute import Outcome, changed
from seqbench.sweeps.frame import ENDED, Row, number
from seqbench.sweeps.state import RunStatus, progress
from seqbench.sweeps.table import Board, standing

DRAW_SECONDS = 0.1
LOOK_SECONDS = 1.0  # between two looks at the histories of running jobs


class Show:
    """An `Observer` that keeps the table.

    Args:
        study: its name.
        jobs: the sweep's.
        board: makes the table, once it is known what is to be done.
        to_come: runs that have no name yet, because a search makes them up.
    """

    def __init__(
        self,
        study: str,
        jobs: Sequence[Job],
        board: Callable[..., Board] = Board,
        *,
        to_come: int = 0,
    ):
        self._study, self._jobs = study, {job.run_id: job for job in jobs}
        self._make = board
        self._board: Board | None = None
        self._rows = {name: Row(name, "queued") for name in self._jobs}
        self._to_come = [f"trial {number}" for number in range(to_come)]
        self._rows |= {name: Row(name, "queued") for name in self._to_come}
        self._since: dict[str, float] = {}
        self._looked = self._drawn = 0.0
        self.at_once = 1

    def begin(self, statuses: Sequence[RunStatus], at_once: int) -> None:
        """Shows how things stand."""
        self.at_once = at_once
        jobs = list(self._jobs.values())
        expected = estimate(jobs, statuses, self.at_once).runs
        self._board = self._make(self._study, len(self._rows), expected=expected)
        complete = [row for row in standing(statuses, jobs) if row.state == "completed"]
        self._rows |= {row.run_id: row for row in complete}
        self._update()

    def started(self, job: Job) -> None:
        """The job has a slot."""
        self._jobs.setdefault(job.run_id, job)
        self._since[job.run_id] = time.monotonic()
        # A baseline has no history that would tell how far it is.
        detail = "fitting" if is_baseline(job.config) else ""
        self._show(Row(job.run_id, "running", detail))

    def elsewhere(self, job: Job) -> None:
        """Another process has it."""
        self._jobs.setdefault(job.run_id, job)
        self._show(Row(job.run_id, "elsewhere"))

    def ended(self, outcome: Outcome) -> None:
        """A job has ended."""
        seconds = self._seconds(outcome.run_id)
        self._show(Row(outcome.run_id, outcome.status, _result(outcome), seconds=seconds))

    def note(self, line: str) -> None:
        """Says something above the table."""
        if self._board is not None:
            self._board.note(line)

    def tick(self) -> None:
        """Draws the table; how far jobs are is looked up every second."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            for name, row in self._rows.items():
                if row.state not in (*ENDED, "queued"):
                    job = self._jobs[name]
                    far = progress(job.folder, job.config)
                    self._rows[name] = Row(name, row.state, row.detail, far, self._seconds(name))
        self._update()

    def __enter__(self) -> Show:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Leaves the table on the screen."""
        if self._board is not None:
            self._update()
            self._board.close()

    def _show(self, row: Row) -> None:
        if row.run_id not in self._rows and self._to_come:
            del self._rows[self._to_come.pop(0)]
        self._rows[row.run_id] = row
        if time.monotonic() - self._drawn >= DRAW_SECONDS:  # hundreds may come at once
            self._update()

    def _update(self) -> None:
        self._drawn = time.monotonic()
        if self._board is not None:
            self._board.update(list(self._rows.values()))

    def _seconds(self, run_id: str) -> float | None:
        since = self._since.get(run_id)
        return None if since is None else time.monotonic() - since


def _result(outcome: Outcome) -> str:
    if outcome.status not in ("completed", "pruned"):
        return outcome.reason
    parts = ["complete already"] if outcome.already else []
    parts += [changed(outcome.stale)] if outcome.stale else []
    if outcome.record is not None and outcome.record.scores.primary is not None:
        parts.append(_scored(outcome.record, outcome.record.scores.primary.name))
    return ", ".join(parts)


def _scored(record: RunRecord, name: str) -> str:
    """Trials of a search are chosen by their validation; nobody is to look at their test."""
    if is_trial(record.config) or record.status == PRUNED:
        return f"validation {name} {number(record.scores.validation.get(name))}"
    return f"test {name} {number(record.scores.test[name])}"
