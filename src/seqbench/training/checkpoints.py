"""`last.ckpt`, and the one before: all that a training needs to go on as if it never stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback

from seqbench.errors import RecordError
from seqbench.tasks.task import Task
from seqbench.training.callbacks import BestWeights
from seqbench.training.interrupts import Interrupts
from seqbench.training.random_state import random_state, set_random_state
from seqbench.training.resume import STATE

log = logging.getLogger(__name__)

# At the end of training its last seconds are worth a checkpoint: a stop may come during the test.
END_SECONDS = 10.0
# A stop waits so long for the end of a validation, where nothing is lost; it may take longer, and
# then what was trained since the last checkpoint is trained again.
VALIDATION_SECONDS = 10.0


class Checkpoints(Callback):
    """Saves now and then, and when told to stop, which it then does.

    It saves where an optimizer step's first batch begins and where training ends, nowhere else:
    there nothing is half done. Lightning's own state saved after a batch skips a validation that
    is due then, or the rest of an epoch.

    Args:
        path: the checkpoint.
        previous: where the one before goes.
        good: where the state at the beginning of each epoch goes; None keeps none.
        every: seconds between two checkpoints; None saves only when told to stop.
        interrupts: says when.
        best: the best validation's weights, which checkpoints know by their step.
        facts: what else to write down, e.g. how long the history is now; asked at each save.
    """

    def __init__(
        self,
        path: Path,
        *,
        previous: Path,
        good: Path | None,
        every: float | None,
        interrupts: Interrupts,
        best: BestWeights,
        facts: Callable[[], dict[str, Any]],
    ) -> None:
        self._path = path
        self._previous = previous
        self._good = good
        self._every = every
        self._interrupts = interrupts
        self._best = best
        self._facts = facts
        self._saved = self._validating = time.monotonic()
        self._finished = False
        self._loaded: dict[str, Any] | None = None
        self._bests: dict[Path, int | None] = {}  # which best validation each checkpoint knows

    # When

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on in the epoch's batches; from here on a stop waits for a checkpoint."""
        if self._loaded is not None:
            mine = self._loaded["ranks"][trainer.global_rank]
            set_random_state(mine["random"], trainer.strategy.root_device)
            # Lightning would have done it when the loader was made; a schedule that asks for the
            # number of steps has it made before a checkpoint is looked at.
            _loader(trainer).load_state_dict(self._loaded["loader"])
        self._saved = time.monotonic()
        self._interrupts.install()
        self._interrupts.deferring = True

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is due; the batch that was just handed out is not counted as done."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            _loader(trainer).unfinished = 1
            if batch_idx == 0 and self._good is not None:
                self._save(trainer, self._good, keep=None)
            self._save_if_due(trainer, self._every)
            _loader(trainer).unfinished = 0

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lightning has put its handlers in place of ours, where this is not within training."""
        self._interrupts.install()
        self._validating = time.monotonic()

    def on_validation_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Stop here where the end is far: a state in mid-validation cannot be gone on from."""
        if self._interrupts.requested and batch_idx and self._path.exists():
            left = int(trainer.num_val_batches[dataloader_idx]) - batch_idx
            a_batch = (time.monotonic() - self._validating) / batch_idx
            if left * a_batch > VALIDATION_SECONDS:
                self._interrupts.stop(self._interrupts.requested)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As before a validation."""
        self._interrupts.install()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save if it is due: only the test is left to do then."""
        self._interrupts.deferring = False
        self._finished = True
        self._save_if_due(trainer, None if self._every is None else min(self._every, END_SECONDS))

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """From here on a stop is one at once."""
        self._interrupts.deferring = False

    def _save_if_due(self, trainer: pl.Trainer, every: float | None) -> None:
        stop = self._interrupts.requested
        due = every is not None and time.monotonic() - self._saved >= every
        save, stop = _anywhere(trainer, [int(due or stop > 0), stop])
        if save:
            self._save(trainer, self._path, keep=self._previous)
            self._saved = time.monotonic()
        if stop:
            self._interrupts.stop(stop)

    def _save(self, trainer: pl.Trainer, path: Path, *, keep: Path | None) -> None:
        try:
            trainer.save_checkpoint(path, weights_only=False, storage_options=keep)
            if trainer.is_global_zero:
                self._note_best(path, keep)
        except RecordError as error:
            if trainer.world_size > 1:  # the other ranks wait for this one
                raise
            log.warning("no checkpoint could be written: %s", error.line())

    def _note_best(self, path: Path, keep: Path | None) -> None:
        """The weights that a checkpoint knows as the best last as long as it does."""
        if keep is not None:
            self._bests[keep] = self._bests.get(path)
        self._bests[path] = self._best.step
        self._best.known({step for step in self._bests.values() if step is not None})

    # What

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what Lightning does not keep, of every rank."""
        assert isinstance(pl_module, Task)
        mine = {
            "random": random_state(trainer.strategy.root_device),
            "task": pl_module.training_state(),
        }
        checkpoint[STATE] = {
            **self._facts(),
            "best": self._best.step,
            "best_of_good": None if self._good is None else self._bests.get(self._good),
            "has_just_rolled_back": False,
            "stopped": self._finished or trainer.should_stop,
            "loader": _loader(trainer).state_dict(),
            "ranks": _of_all_ranks(trainer, mine),
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take it up again, once training starts."""
        self._loaded = checkpoint[STATE]
        self._bests = {self._path: self._loaded["best"]}
        if self._good is not None:
            self._bests[self._good] = self._loaded["best_of_good"]

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A training that had ended does not start: Lightning forgets that it was stopped early."""
        assert isinstance(pl_module, Task)
        if self._loaded is not None:
            pl_module.load_training_state(self._loaded["ranks"][trainer.global_rank]["task"])
            trainer.should_stop = self._loaded["stopped"]


def _loader(trainer: pl.Trainer) -> Any:
    """The training split's loader, which knows its position in the epoch."""
    return trainer.train_dataloader


def _anywhere(trainer: pl.Trainer, flags: list[int]) -> list[int]:
    """The highest value of each flag on any rank: all ranks save, or none."""
    if trainer.world_size == 1:
        return flags
    raised = torch.tensor(flags, dtype=torch.int32, device=trainer.strategy.root_device)
    dist.all_reduce(raised, op=dist.ReduceOp.MAX)
    return [int(flag) for flag in raised.tolist()]


def _of_all_ranks(trainer: pl.Trainer, mine: dict[str, Any]) -> list[dict[str, Any]]:
    if trainer.world_size == 1:
        return [mine]
    every: list[dict[str, Any]] = [{}] * trainer.world_size
    dist.all_gather_object(every, mine)
    return every
