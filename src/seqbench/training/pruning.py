"""A run that a search gives up: it looks for the word to end, and ends in order."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

LOOK_SECONDS = 1.0  # between two looks while training steps are done


class Pruned(Exception):
    """The sweeper expects no more of this run."""


class PruneWatch(Callback):
    """Looks whether the sweeper has answered "prune", and changes nothing else.

    It looks after each validation, and now and then between steps; of several processes the first
    looks for all, after validations alone, where they meet anyway.

    Args:
        path: the sweeper's answer, once it is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look; of a validation after training nothing is expected any more."""
        if trainer.state.fn == "fit":
            told = trainer.is_global_zero and self._path.exists()
            self._end(trainer.strategy.reduce_boolean_decision(told, all=False))

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Look, but only every second."""
        now = time.monotonic()
        if trainer.world_size == 1 and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._end(self._path.exists())

    def _end(self, told: bool) -> None:
        if told:
            raise Pruned
