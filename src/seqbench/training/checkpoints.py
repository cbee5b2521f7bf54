"""`last.ckpt`: all that a training needs to go on as if it had never stopped."""

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
from seqbench.training.interrupts import Interrupts
from seqbench.training.random_state import random_state, set_random_state
from seqbench.training.resume import STATE

log = logging.getLogger(__name__)


class Checkpoints(Callback):
    """Saves now and then, and when told to stop, which it then does.

    It saves where an optimizer step's first batch begins and where training ends, nowhere else:
    there nothing is half done. Lightning's own state saved after a batch skips a validation that
    is due then, or the rest of an epoch.

    Args:
        path: the checkpoint.
        every: seconds between two of them; None saves only when told to stop.
        interrupts: says when.
        facts: what else to write down, e.g. how long the history is now; asked at each save.
    """

    def __init__(
        self,
        path: Path,
        *,
        every: float | None,
        interrupts: Interrupts,
        facts: Callable[[], dict[str, Any]],
    ) -> None:
        self._path = path
        self._every = every
        self._interrupts = interrupts
        self._facts = facts
        self._saved = time.monotonic()
        self._finished = False
        self._loaded: dict[str, Any] | None = None

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
            self._save_if_due(trainer)
            _loader(trainer).unfinished = 0

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save if it is due: only the test is left to do then."""
        self._interrupts.deferring = False
        self._finished = True
        self._save_if_due(trainer)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """From here on a stop is one at once."""
        self._interrupts.deferring = False

    def _save_if_due(self, trainer: pl.Trainer) -> None:
        stop = self._interrupts.requested
        due = self._every is not None and time.monotonic() - self._saved >= self._every
        save, stop = _anywhere(trainer, [due or stop, stop])
        if save:
            self._save(trainer)
            self._saved = time.monotonic()
        if stop:
            raise KeyboardInterrupt

    def _save(self, trainer: pl.Trainer) -> None:
        try:
            trainer.save_checkpoint(self._path, weights_only=False)
        except RecordError as error:
            if trainer.world_size > 1:  # the other ranks wait for this one
                raise
            log.warning("no checkpoint could be written: %s", error.line())

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
            "stopped": self._finished or trainer.should_stop,
            "loader": _loader(trainer).state_dict(),
            "ranks": _of_all_ranks(trainer, mine),
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take it up again, once training starts."""
        self._loaded = checkpoint[STATE]

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A training that had ended does not start: Lightning forgets that it was stopped early."""
        assert isinstance(pl_module, Task)
        if self._loaded is not None:
            pl_module.load_training_state(self._loaded["ranks"][trainer.global_rank]["task"])
            trainer.should_stop = self._loaded["stopped"]


def _loader(trainer: pl.Trainer) -> Any:
    """The training split's loader, which knows its position in the epoch."""
    return trainer.train_dataloader


def _anywhere(trainer: pl.Trainer, flags: list[bool]) -> list[bool]:
    """Which of the flags any rank has raised: all ranks save, or none."""
    if trainer.world_size == 1:
        return flags
    raised = torch.tensor(flags, dtype=torch.int32, device=trainer.strategy.root_device)
    dist.all_reduce(raised, op=dist.ReduceOp.MAX)
    return [bool(flag) for flag in raised.tolist()]


def _of_all_ranks(trainer: pl.Trainer, mine: dict[str, Any]) -> list[dict[str, Any]]:
    if trainer.world_size == 1:
        return [mine]
    every: list[dict[str, Any]] = [{}] * trainer.world_size
    dist.all_gather_object(every, mine)
    return every
