"""`seqbench sweep … watch=true`: the table of a sweep that runs elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from seqbench.config.job import Job
from seqbench.sweeps.estimate import estimate
from seqbench.sweeps.frame import ACTIVE, ENDED
from seqbench.sweeps.state import survey
from seqbench.sweeps.table import Board, standing

LOOK_SECONDS = 1.0
IDLE_SECONDS = 30.0  # without a run that runs: one may be between two, or still importing


def watch(
    study: str,
    jobs: Sequence[Job],
    *,
    board: Callable[..., Board] = Board,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Shows the table from the run folders alone, until all runs have ended or nobody is at work.

    Returns:
        As a sweep: 0 if every run is complete, 1 if some failed, 130 if some are yet to be done.
    """
    statuses = survey(jobs)
    expected = estimate(jobs, statuses, 1).runs
    busy = clock()
    with board(study, len(jobs), expected=expected, watching=True) as table:
        while True:
            rows = standing(statuses, jobs)
            table.update(rows)
            if all(
                row.state in ENDED and not held.held
                for row, held in zip(rows, statuses, strict=True)
            ):
                break
            if any(row.state in ACTIVE for row in rows):
                busy = clock()
            elif clock() - busy >= IDLE_SECONDS:
                table.note("nobody is at work on it; the same command without watch=true goes on")
                break
            sleep(LOOK_SECONDS)
            statuses = survey(jobs)
    states = {row.state for row in rows}
    if states - {"completed", "failed"}:
        return 130
    return int("failed" in states)
