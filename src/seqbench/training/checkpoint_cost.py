"""What checkpoints of the whole training cost it: timed one by one, and as time lost."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


@dataclass(frozen=True, kw_only=True)
class CheckpointCost:
    """What a checkpoint costs a training.

    Attributes:
        num_bytes: its size, optimizer state included.
        seconds: for which training stood still, one figure a checkpoint: state gathered, written,
            hashed, synced, renamed.
        lost: seconds by which a round with checkpoints took longer than one without, over their
            number; one figure a round. Noisier, but what they cost elsewhere (caches, the disk's
            own work) is in it.
        every: seconds between two of them in a run of this config; None for no such interval.
    """

    num_bytes: int
    seconds: Sequence[float]
    lost: Sequence[float]
    every: float | None

    @property
    def share(self) -> float | None:
        """The share of training time by the median of `seconds`; None without an interval."""
        return self._share(self.seconds)

    @property
    def share_lost(self) -> float | None:
        """The same by the median of `lost`."""
        return self._share(self.lost)

    def _share(self, seconds: Sequence[float]) -> float | None:
        if self.every is None or not seconds:
            return None
        cost = statistics.median(seconds)
        return cost / (self.every + cost)


@dataclass
class SaveClock:
    """Times what a callback does at the start of batches, whenever it has written its file.

    Args:
        path: the file.
        first: the batch from which on. Never the first of all: its optimizer is empty yet.

    Attributes:
        seconds: one figure a save.
        num_bytes: the file's size at the last one.
    """

    path: Path
    first: int = 1
    seconds: list[float] = field(default_factory=list)
    num_bytes: int = 0
    _before: tuple[int, int] | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)

    def around(self, callbacks: Sequence[Callback]) -> list[Callback]:
        """The callbacks, timed."""
        before = _AtBatchStart(self.first, self.start)
        return [before, *callbacks, _AtBatchStart(self.first, self.stop)]

    def start(self) -> None:
        """The callbacks are about to be called."""
        self._before = self._written()
        self._started = time.perf_counter()

    def stop(self) -> None:
        """They have been."""
        seconds = time.perf_counter() - self._started
        if self._written() != self._before:
            self.seconds.append(seconds)
            self.num_bytes = self.path.stat().st_size

    def _written(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns


class _AtBatchStart(Callback):
    """Calls something where each batch from `first` on begins."""

    def __init__(self, first: int, call: Callable[[], None]) -> None:
        self._first = first
        self._call = call

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx >= self._first:
            self._call()
