"""One progress bar a run on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from tqdm import tqdm

from seqbench.domains import PositiveFloat
from seqbench.tasks.task import MetricSpec


@dataclass(frozen=True, kw_only=True)
class ProgressSettings:
    """Show how far a run is.

    Attributes:
        refresh: seconds between two updates of the bar.
    """

    refresh: PositiveFloat = 0.25

    def build(self, primary: MetricSpec, label: str) -> Callback:
        """The callback, with `label` in front of its bar."""
        return Progress(primary=primary, label=label, refresh=self.refresh)


class Progress(Callback):
    """The bar counts batches of all epochs; beside it the newest validation score."""

    def __init__(self, *, primary: MetricSpec, label: str, refresh: float) -> None:
        self._primary = primary
        self._label = label
        self._refresh = refresh
        self._bar: tqdm[Any] | None = None
        self._last = 0.0
        self._started = time.perf_counter()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the empty bar."""
        self._started = time.perf_counter()
        if trainer.is_global_zero and sys.stderr.isatty():
            total: int | None = None
            if trainer.max_epochs is not None and trainer.max_epochs > 0:
                total = int(trainer.num_training_batches) * trainer.max_epochs
            self._bar = tqdm(total=total, desc=self._label, unit="batch", leave=False)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move the bar, but only every `refresh` seconds: drawing costs more than a small step."""
        now = time.perf_counter()
        if self._bar is not None and now - self._last >= self._refresh:
            self._last = now
            done = trainer.current_epoch * int(trainer.num_training_batches) + batch_idx + 1
            self._bar.update(done - self._bar.n)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the validation score."""
        if not trainer.is_global_zero:
            return
        metrics = trainer.callback_metrics
        name = self._primary.name
        score = float(metrics.get(f"validation/{name}", float("nan")))
        loss = float(metrics.get("validation/loss", float("nan")))
        epoch = f"epoch {trainer.current_epoch + 1}{_of_what(trainer, pl_module)}"
        if self._bar is not None:
            self._bar.set_postfix_str(f"{epoch}, validation {name} {score:.4f}")
        else:
            seconds = time.perf_counter() - self._started
            beside = "" if name == "loss" else f", loss {loss:.4f}"
            print(
                f"{self._label}: {epoch}, step {trainer.global_step}, {seconds:.1f} s, "
                f"validation {name} {score:.4f}{beside}",
                file=sys.stderr,
                flush=True,
            )

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the bar away; what remains is said by the verb."""
        self._close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Take the bar away before the error is printed."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _of_what(trainer: pl.Trainer, task: pl.LightningModule) -> str:
    """How far the epoch's end is: of so many epochs, or of a budget."""
    share: float | None = getattr(task, "budget_share", None)
    if share is None:
        return f"/{trainer.max_epochs}"
    return f" ({100 * min(share, 1.0):.0f} % of the budget)"
