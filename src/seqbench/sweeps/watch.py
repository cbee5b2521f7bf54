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
    jobs: Sequence[Job] | Callable[[], Sequence[Job]],
    *,
    goes_on: Callable[[], bool] = lambda: False,
    board: Callable[..., Board] = Board,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Shows the table from the run folders alone, until all runs have ended or nobody is at work.

    Args:
        study: its name.
        jobs: the sweep's; asked again and again where a search makes them up.
        goes_on: whether a sweep lives that will start more, be it when a cluster has room.
        board: makes the table.
        sleep: waits.
        clock: seconds that only grow.

    Returns:
        As a sweep: 0 if every run is complete, 1 if some failed, 130 if some are yet to be done.
    """
    find = jobs if callable(jobs) else lambda: jobs
    found = find()
    statuses = survey(found)
    expected = estimate(found, statuses, 1).runs
    busy = clock()
    with board(study, len(found), expected=expected, watching=True) as table:
        while True:
            rows = standing(statuses, found)
            table.update(rows)
            if not goes_on() and all(
                row.state in ENDED and not held.held
                for row, held in zip(rows, statuses, strict=True)
            ):
                break
            if goes_on() or any(row.state in ACTIVE for row in rows):
                busy = clock()
            elif clock() - busy >= IDLE_SECONDS:
                table.note("nobody is at work on it; the same command without watch=true goes on")
                break
            sleep(LOOK_SECONDS)
            found = find()
            statuses = survey(found)
    states = {row.state for row in rows}
    if states - {"completed", "pruned", "failed"}:
        return 130
    return int("failed" in states)
