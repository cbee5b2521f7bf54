"""The validations of a running trial, as its history tells them."""

from __future__ import annotations

import os
from contextlib import suppress

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.sweeps.tuning.objectives import Objective


class History:
    """What `metrics.jsonl` says of one objective; a file that did not change is not read again.

    Args:
        folder: the run's.
        objective: a validation score.
    """

    def __init__(self, folder: RunFolder, objective: Objective) -> None:
        self.folder = folder
        self._objective = objective
        self._seen = 0
        self._stamp: tuple[int, int] | None = None

    def news(self) -> list[tuple[int, float]]:
        """New validations, counted from 1, each with its value.

        A run that goes on from a checkpoint repeats some; they are equal, and no news.

        Raises:
            ConfigError: there are validations, and none has the objective.
        """
        found: list[float] = []
        with suppress(OSError, RecordError):  # not begun yet, or being rewound
            status = os.stat(self.folder.metrics)
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._stamp = stamp
                values = map(self._objective.in_row, read_metrics(self.folder.metrics))
                found = [value for value in values if value is not None]
        news = list(enumerate(found, start=1))[self._seen :]
        self._seen = max(self._seen, len(found))
        return news
