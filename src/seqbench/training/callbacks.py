"""Callbacks as settings: they learn the task's primary metric when they are built."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint

from seqbench.domains import NonNegativeFloat, PositiveInt
from seqbench.records.folder import RunFolder
from seqbench.tasks.task import MetricSpec


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingSettings:
    """Stop after `patience` validations in a row without an improvement of the primary metric.

    Attributes:
        patience: validations to wait.
        min_delta: what counts as an improvement at least.
    """

    patience: PositiveInt = 3
    min_delta: NonNegativeFloat = 0.0

    def build(self, primary: MetricSpec, label: str) -> Callback:
        """The callback; it has no use for the label, and leaves divergence to the task."""
        return EarlyStopping(
            monitor=f"validation/{primary.name}",
            mode=_mode(primary),
            patience=self.patience,
            min_delta=self.min_delta,
            check_finite=False,
            strict=False,  # max_steps may end an epoch before its first validation
        )


def best_checkpoint(folder: RunFolder, primary: MetricSpec) -> ModelCheckpoint:
    """Keeps `checkpoints/best.ckpt`: the weights of the best validation, the first of equals."""
    return ModelCheckpoint(
        dirpath=folder.checkpoints,
        filename="best",
        monitor=f"validation/{primary.name}",
        mode=_mode(primary),
        save_top_k=1,
        save_weights_only=True,
        enable_version_counter=False,
    )


class BestScores(Callback):
    """The validation scores of the epoch whose checkpoint is kept.

    Attributes:
        scores: score by name; empty before the first validation.
        epoch: counted from 0.
    """

    def __init__(self, primary: MetricSpec) -> None:
        self.scores: dict[str, float | None] = {}
        self.epoch: int | None = None
        self._primary = primary
        self._best = float("-inf") if primary.higher_is_better else float("inf")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the scores over if they are better."""
        prefix = "validation/"
        scores = {
            name.removeprefix(prefix): float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith(prefix)
        }
        primary = scores[self._primary.name]
        better = primary > self._best if self._primary.higher_is_better else primary < self._best
        if better or not self.scores:
            self.scores, self.epoch = dict(scores), trainer.current_epoch
            # NaN counts as the worst there is, as for the checkpoint: nothing is better than NaN.
            self._best = self._best if math.isnan(primary) else primary


class Stopwatch(Callback):
    """Wall time of training steps: validation is left out.

    Attributes:
        seconds: so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._running_since: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start."""
        self._running_since = time.perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Hold."""
        self._hold()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on."""
        self._running_since = time.perf_counter()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop."""
        self._hold()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Stop."""
        self._hold()

    def _hold(self) -> None:
        if self._running_since is not None:
            self.seconds += time.perf_counter() - self._running_since
            self._running_since = None


def _mode(primary: MetricSpec) -> str:
    return "max" if primary.higher_is_better else "min"
