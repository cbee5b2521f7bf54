"""Callbacks as settings: they learn the task's primary metric when they are built."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping

from seqbench.domains import NonNegativeFloat, PositiveInt
from seqbench.records.record import Rollback
from seqbench.tasks.task import MetricSpec, Task
from seqbench.tasks.trained_epoch import trained_epoch
from seqbench.training.metrics_log import MetricsLog
from seqbench.training.training_files import drop_older_bests, older_best


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
            mode="max" if primary.higher_is_better else "min",
            patience=self.patience,
            min_delta=self.min_delta,
            check_finite=False,
            strict=False,  # max_steps may end an epoch before its first validation
        )


class BestWeights(Callback):
    """Keeps the weights of the best validation, the first of equals, and its scores.

    Weights that a checkpoint of the training knows as the best so far make room for better ones
    under another name: who goes back to that checkpoint finds them, even where training then goes
    another way.

    Attributes:
        scores: score by name; empty before the first validation.
        epoch: counted from 0.
        step: optimizer steps before that validation.

    Args:
        primary: the metric that says which is better.
        path: the checkpoint to write the weights to.
    """

    def __init__(self, primary: MetricSpec, path: Path) -> None:
        self.scores: dict[str, float | None] = {}
        self.epoch: int | None = None
        self.step: int | None = None
        self._known: frozenset[int] = frozenset()
        self._primary = primary
        self._path = path
        self._best = float("-inf") if primary.higher_is_better else float("inf")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take weights and scores over if they are better."""
        prefix = "validation/"
        scores = {
            name.removeprefix(prefix): float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith(prefix)
        }
        primary = scores[self._primary.name]
        better = primary > self._best if self._primary.higher_is_better else primary < self._best
        if better or not self.scores:
            self.scores, self.epoch = dict(scores), trained_epoch(trainer)
            # NaN counts as the worst there is: nothing is better than NaN.
            self._best = self._best if math.isnan(primary) else primary
            keep = older_best(self._path, self.step) if self.step in self._known else None
            trainer.save_checkpoint(self._path, weights_only=True, storage_options=keep)
            self.step = trainer.global_step

    def known(self, steps: Collection[int]) -> None:
        """These are the best validations that checkpoints know: the weights of others may go."""
        self._known = frozenset(steps)
        drop_older_bests(self._path, needed=steps)

    def state_dict(self) -> dict[str, Any]:
        """The best so far, for a run that is resumed; its weights are in their file."""
        return {
            "scores": self.scores,
            "epoch": self.epoch,
            "step": self.step,
            "best": self._best,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on comparing with it."""
        self.scores, self.epoch = state_dict["scores"], state_dict["epoch"]
        self.step, self._best = state_dict["step"], state_dict["best"]
        self._known = frozenset() if self.step is None else frozenset({self.step})


class PlannedSteps(Callback):
    """Begins the history with the length of the training, for whoever watches it."""

    def __init__(self, history: MetricsLog) -> None:
        self._history = history

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the row."""
        assert isinstance(pl_module, Task)
        budgeted = pl_module.budget_share is not None
        self._history.plan(None if budgeted else float(trainer.estimated_stepping_batches))


class NotedRollback(Callback):
    """Notes in history and mirror that the run went back, and how small its steps are since."""

    def __init__(self, rollback: Rollback) -> None:
        self._rollback = rollback

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the row."""
        values = {
            "rollback/diverged_at": float(self._rollback.diverged_at),
            "rollback/learning_rate_scale": self._rollback.learning_rate_scale,
        }
        for logger in trainer.loggers:
            logger.log_metrics(
                values | {"epoch": trainer.current_epoch}, step=self._rollback.back_to
            )


class FirstStep(Callback):
    """Whether this try of the run has come to a training step, or to the end of its training.

    Attributes:
        reached: it has.
    """

    def __init__(self) -> None:
        self.reached = False

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """It has come to a step."""
        self.reached = True

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """It has come to the end."""
        self.reached = True


class Stopwatch(Callback):
    """Wall time of training steps: validation is left out."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._running_since: float | None = None
        self._is_held = False

    @property
    def seconds(self) -> float:
        """So far, over all tries of the run."""
        since = self._running_since
        return self._seconds + (0.0 if since is None else time.perf_counter() - since)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start."""
        self._running_since = time.perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Hold."""
        self._is_held = self._running_since is not None
        self._hold()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on, if it ran before: a validation may come after training too."""
        if self._is_held:
            self._running_since = time.perf_counter()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop."""
        self._hold()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Stop."""
        self._hold()

    def state_dict(self) -> dict[str, Any]:
        """The time so far, for a run that is resumed."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self._seconds = state_dict["seconds"]

    def _hold(self) -> None:
        self._seconds, self._running_since = self.seconds, None
