"""The validations of a trial's run, as its history tells them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import suppress

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.sweeps.tuning.objectives import Objective


def validations(folder: RunFolder, objective: Objective) -> list[tuple[int, float]]:
    """The validations on record, counted from 1, each with its value.

    Raises:
        RecordError: there is no history, or it cannot be read.
        ConfigError: there are validations, and none has the objective.
    """
    values = map(objective.in_row, read_metrics(folder.metrics))
    return list(enumerate((value for value in values if value is not None), start=1))


class History:
    """What `metrics.jsonl` says of one objective; a file that did not change is not read again.

    What the folder holds before the run has begun may be of an earlier try, which the run is about
    to remove: it is no news until the file has changed.

    Args:
        folder: the run's.
        objective: a validation score.
        told: what is known of the run from an earlier sweep.
    """

    def __init__(
        self, folder: RunFolder, objective: Objective, *, told: Mapping[int, float] | None = None
    ) -> None:
        self.folder = folder
        self._objective = objective
        self._told = dict(told or {})
        self._last = 0
        self._stamp = self._stamp_now()

    @property
    def told(self) -> list[tuple[int, float]]:
        """All that has been news."""
        return sorted(self._told.items())

    @property
    def is_behind(self) -> bool:
        """Whether the run has gone back, and not come again as far as was told."""
        return self._last < max(self._told, default=0)

    def news(self, *, ended: bool = False) -> list[tuple[int, float]]:
        """New validations, counted from 1, each with its value; those that have changed too.

        A run that goes on from a checkpoint repeats some; where they are equal, they are no news.

        Args:
            ended: the run has: what was told and is not there any more is NaN.

        Raises:
            ConfigError: there are validations, and none has the objective.
        """
        stamp = self._stamp_now()
        if stamp == self._stamp and not ended:
            return []
        self._stamp = stamp
        found: list[tuple[int, float]] = []
        with suppress(RecordError):  # not begun yet, or being rewound
            found = validations(self.folder, self._objective)
        self._last = len(found)
        if ended and found:
            found += [(at, math.nan) for at in sorted(self._told) if at > self._last]
        news = [(at, value) for at, value in found if not _same(self._told.get(at), value)]
        self._told |= dict(news)
        return news

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self.folder.metrics)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _same(then: float | None, now: float) -> bool:
    return then is not None and (then == now or (math.isnan(then) and math.isnan(now)))
