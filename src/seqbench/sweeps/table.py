"""A sweep to look at: the list of a dry run, and the table of one that is running."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from statistics import fmean
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from seqbench.config.job import Job, is_baseline
from seqbench.records.durations import words
from seqbench.records.searches import is_trial
from seqbench.sweeps.estimate import Estimate, together
from seqbench.sweeps.frame import (
    ACTIVE,
    ENDED,
    Row,
    RowState,
    Times,
    clean,
    counted,
    epochs,
    frame,
    number,
)
from seqbench.sweeps.state import RunStatus, progress

_QUIET = 60.0  # seconds without a line, where there is no terminal
_REDRAW = 0.1  # seconds between two drawings of the table
_TOLD_OF = 4  # running runs in such a line


def standing(statuses: Sequence[RunStatus], jobs: Sequence[Job]) -> list[Row]:
    """The table's rows as the run folders alone tell them."""
    return [_standing(status, job) for status, job in zip(statuses, jobs, strict=True)]


def listing(jobs: Sequence[Job], statuses: Sequence[RunStatus], estimate: Estimate) -> list[str]:
    """One line a run, aligned: its id, its state, what it will cost; then the totals."""
    cells = [
        (job.run_id, _state(status), _cost(job.run_id, estimate), status.reason)
        for job, status in zip(jobs, statuses, strict=True)
    ]
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(3)]
    lines = [
        f"{name.ljust(widths[0])}  {state.ljust(widths[1])}  {cost.ljust(widths[2])}  {reason}"
        for name, state, cost, reason in cells
    ]
    return [*(line.rstrip() for line in lines), _totals(statuses, estimate)]


def remaining(
    rows: Sequence[Row], slots: int, expected: Mapping[str, float | None]
) -> float | None:
    """Seconds until every run has ended; None if all have, or too little is known.

    Args:
        rows: every run.
        slots: how many run at once.
        expected: wall seconds by run id; a run without takes the mean of those that have ended,
            or of what those that run will take.
    """
    took = [row.seconds for row in rows if row.state == "completed" and row.seconds is not None]
    if not took:
        known = [(row.progress.seconds, row.progress.eta_seconds) for row in rows if row.progress]
        took = [seconds + eta for seconds, eta in known if eta is not None]
    typical = fmean(took) if took else None
    left: list[float] = []
    for row in rows:
        if row.state not in (*ACTIVE, "queued"):
            continue
        eta = None if row.progress is None else row.progress.eta_seconds
        whole = expected.get(row.run_id)
        whole = typical if whole is None else whole
        if eta is None and whole is None:
            return None
        left.append(max((whole or 0.0) - (row.seconds or 0.0), 0.0) if eta is None else eta)
    return together(left, slots) if left else None


class Board:
    """The table of a sweep while it runs: drawn anew on a terminal, told in lines elsewhere.

    It never fails a sweep: an output that is gone is no longer written to.

    Args:
        study: what is run.
        total: how many runs it has.
        out: where to; standard error by default.
        expected: wall seconds by run id, where they are known.
        watching: whether the sweep is another process's, so that its start is not known.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        study: str,
        total: int,
        out: TextIO | None = None,
        *,
        expected: Mapping[str, float | None] | None = None,
        watching: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study, self._total = study, total
        self._out = sys.stderr if out is None else out
        self._expected = expected or {}
        self._watching, self._clock = watching, clock
        self._started = self._told = clock()
        self._slots = 1
        self._ended: dict[str, str] = {}  # id to state, in order of ending
        self._undrawn: Sequence[Row] | None = None
        self._begun = self._closed = False
        self._live = _terminal(self._out)

    def update(self, rows: Sequence[Row]) -> None:
        """Shows these rows, one a run; the first call says how things stood.

        Call it some four times a second; more often does no harm.
        """
        if self._closed:
            return
        news = self._news(rows)
        self._slots = max(self._slots, sum(row.state in ACTIVE for row in rows))
        with suppress(OSError, ValueError):  # ValueError: the file was closed
            if self._live is None:
                self._tell(rows, news)
            elif self._begun and self._clock() - self._told < _REDRAW:
                self._undrawn = rows
            else:
                self._draw(self._live, rows)
        self._begun = True

    def note(self, line: str) -> None:
        """Says something above the table."""
        with suppress(OSError, ValueError):
            if self._live is None or self._closed:
                self._say(clean(line))
            else:
                self._live.console.print(Text(clean(line), overflow="fold"))

    def close(self) -> None:
        """Leaves the table as it is; what is printed from now on comes below it."""
        self._closed = True
        if self._live is None:
            return
        with suppress(OSError, ValueError):
            if self._undrawn is not None:
                self._draw(self._live, self._undrawn)
        with suppress(OSError, ValueError):
            self._live.stop()

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _news(self, rows: Sequence[Row]) -> list[Row]:
        """What has ended since the last call, the oldest first."""
        states = {row.run_id: row.state for row in rows}
        self._ended = {key: old for key, old in self._ended.items() if states.get(key) == old}
        ended = [row for row in rows if row.state in ENDED and row.run_id not in self._ended]
        ended.sort(key=lambda row: row.finished)
        self._ended.update((row.run_id, row.state) for row in ended)
        return ended

    def _draw(self, live: Live, rows: Sequence[Row]) -> None:
        console, before = live.console, live.console.size
        width, height = _size(self._out)
        console.size = before._replace(width=width, height=height)
        if self._begun and width < before.width:
            console.clear()  # the terminal has folded the lines that are there
        elapsed = None if self._watching else self._clock() - self._started
        times = Times(elapsed, remaining(rows, self._slots, self._expected))
        # One line stays free: ended by a newline, a full screen would scroll.
        lines = frame(self._study, rows, times, list(self._ended), width, height - 1)
        live.start()
        live.update(Group(*lines), refresh=True)
        self._undrawn, self._told = None, self._clock()

    def _tell(self, rows: Sequence[Row], news: Sequence[Row]) -> None:
        if not self._begun:
            self._say(f"study {self._study}, {_runs(self._total)}: {counted(rows)}")
            return
        for place, row in enumerate(news, start=len(self._ended) - len(news) + 1):
            self._say(f"[{place}/{self._total}] {row.run_id}: {_ending(row)}")
        if self._clock() - self._told >= _QUIET:
            self._say(_at_work(rows))

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)
        self._told = self._clock()


def _terminal(out: TextIO) -> Live | None:
    """A live display on a terminal that can move its cursor; None on anything else."""
    if not out.isatty():
        return None
    console = Console(file=out, force_terminal=True, highlight=False)
    if console.is_dumb_terminal:
        return None
    # What others print to standard error must come above the table, not into it.
    return Live(
        console=console,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=out is sys.stderr,
        vertical_overflow="crop",
    )


def _size(out: TextIO) -> tuple[int, int]:
    try:
        width, height = os.get_terminal_size(out.fileno())
    except OSError:
        width = height = 0
    return width or 80, height or 24  # some terminals do not know


def _standing(status: RunStatus, job: Job) -> Row:
    if status.state == "completed":
        is_shown = status.score is not None and not is_trial(job.config)
        score = f"test {status.metric} {number(status.score)}" if is_shown else ""
        return Row(
            status.run_id, "completed", score, None, status.train_seconds, status.finished or ""
        )
    if status.held:
        fitting = "fitting" if is_baseline(job.config) else ""  # a baseline keeps no history
        return Row(status.run_id, "running", fitting, progress(status.folder, job.config))
    if status.state == "missing":
        return Row(status.run_id, "queued")
    state: RowState = "failed"
    if status.state in ("pruned", "interrupted"):
        state = "pruned" if status.state == "pruned" else "interrupted"
    return Row(status.run_id, state, status.reason, None, None, status.finished or "")


def _ending(row: Row) -> str:
    if row.state == "completed":
        return clean(row.detail) or "completed"
    return f"{row.state}: {clean(row.detail)}" if row.detail else row.state


def _at_work(rows: Sequence[Row]) -> str:
    active = [row for row in rows if row.state in ACTIVE]
    told = [_so_far(row) for row in active[:_TOLD_OF]]
    told += [f"{len(active) - _TOLD_OF} more"] if len(active) > _TOLD_OF else []
    return f"{len(active)} running: {'; '.join(told)}" if active else counted(rows)


def _so_far(row: Row) -> str:
    item = row.progress
    if item is None:
        return f"{row.run_id} {clean(row.detail) or 'starting'}"
    parts = [f"epoch {epochs(item)}"] if item.epoch is not None else []
    parts += [f"{item.metric} {number(item.value)}"] if item.metric is not None else []
    parts += [f"{words(item.eta_seconds)} left"] if item.eta_seconds is not None else []
    return f"{row.run_id} {', '.join(parts)}"


def _state(status: RunStatus) -> str:
    if status.held and status.state != "completed":
        return "running"
    state = "to do" if status.state == "missing" else status.state
    return f"{state}, stale: {', '.join(status.stale)}" if status.stale else state


def _cost(run_id: str, estimate: Estimate) -> str:
    if run_id not in estimate.runs:
        return ""
    seconds = estimate.runs[run_id]
    return "cost unknown" if seconds is None else f"about {words(seconds)}"


def _totals(statuses: Sequence[RunStatus], estimate: Estimate) -> str:
    kept = [status for status in statuses if status.run_id not in estimate.runs]
    parts = []
    for state in (*ENDED, "unreadable"):
        found = [status for status in kept if status.state == state]
        stale = sum(bool(status.stale) for status in found)
        parts += [f"{len(found):,} {state}{f' ({stale:,} stale)' * bool(stale)}"] * bool(found)
    parts += [f"{len(estimate.runs):,} to do"]
    if estimate.known:
        slots = f"{estimate.slots} slot{'s' * (estimate.slots != 1)}"
        parts += [f"about {words(estimate.seconds)} on {slots}"]
    if estimate.unknown:
        parts += [f"{_runs(estimate.unknown)} of unknown cost"]
    return f"{_runs(len(statuses))}: {', '.join(parts)}"


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"
