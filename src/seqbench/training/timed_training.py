"""Training for some steps, timed: by a bare loop, and by what `seqbench train` does."""

from __future__ import annotations

import contextlib
import copy
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from seqbench.batch import TokenBatch
from seqbench.data.datamodule import SeqDataModule
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.records.store import unwritable
from seqbench.tasks.task import Task
from seqbench.training.attempt import Attempt
from seqbench.training.callbacks import BestWeights
from seqbench.training.checkpoint_cost import SaveClock
from seqbench.training.fit_network import lasting_callbacks
from seqbench.training.interrupts import Interrupts
from seqbench.training.metrics_log import MetricsLog
from seqbench.training.trainer import TrainerSettings
from seqbench.training.training_files import best_checkpoint, last_checkpoint
from seqbench.training.wandb_mirror import WandbMirror, start_mirror
from seqbench.training.wandb_settings import WandbSettings


def bare_loop(
    task: Task, batches: Sequence[TokenBatch], settings: TrainerSettings, warmup: int
) -> float:
    """Steps a second of what one would write by hand: no logging, no metrics, no checkpoints."""
    torch.use_deterministic_algorithms(settings.deterministic)  # as the pipeline's are
    device = torch.device(settings.device_type())
    net = task.to(device).train()
    optimizer = task.optimizer_settings.build(net, fused=True)
    schedule = LambdaLR(optimizer, lambda step: 1.0)
    started = 0.0
    for number, batch in enumerate(batches):
        if number == warmup:
            started = _now(device)
        loss = net.bare_loss(batch.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(net.parameters(), settings.clip_norm)
        optimizer.step()
        schedule.step()
    return (len(batches) - warmup) / (_now(device) - started)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """`seqbench train` for so many steps: Lightning and its history, and what is asked for.

    Attributes:
        config: the run's config.
        settings: its trainer's.
        task: never trained itself, but copied.
        datamodule: set up.
        steps: that are timed.
        warmup: steps before them.
    """

    config: Mapping[str, Any]
    settings: TrainerSettings
    task: Task
    datamodule: SeqDataModule
    steps: int
    warmup: int

    def seconds(
        self, *, wandb: WandbSettings | None = None, deterministic: bool | None = None
    ) -> float:
        """How long the timed steps take, mirrored in W&B or not."""
        settings = self.settings
        if deterministic is not None:
            settings = replace(settings, deterministic=deterministic)
        with self._folder() as folder:
            mirror = None if wandb is None else self._mirror(wandb, folder)
            seconds = self._fit(folder, settings, mirror=mirror)
            if mirror is not None:
                mirror.finish(exit_code=0)
        return seconds

    def with_checkpoints(self, *, every: float) -> tuple[float, SaveClock]:
        """How long they take with checkpoints of the whole training, and what those take."""
        with self._folder() as folder:
            clock = SaveClock(last_checkpoint(folder), first=max(self.warmup, 1))
            settings = replace(self.settings, checkpoint_every=every, overfit_batches=0)
            return self._fit(folder, settings, clock=clock), clock

    @contextlib.contextmanager
    def _folder(self) -> Iterator[RunFolder]:
        """Where a run of this config would write, since a disk's speed is part of the cost."""
        outputs = Path(self.config["paths"]["outputs"])
        there = next(path for path in (outputs, *outputs.absolute().parents) if path.is_dir())
        try:
            scratch = tempfile.TemporaryDirectory(prefix=".benchmark-", dir=there)
        except OSError as error:
            raise unwritable(there, error) from error
        with scratch as path:
            folder = RunFolder(Path(path) / "run")
            with folder.claim():
                yield folder

    def _mirror(self, wandb: WandbSettings, folder: RunFolder) -> WandbMirror | None:
        return start_mirror(
            wandb,
            run_id="benchmark",
            study="benchmark",
            task=self.datamodule.spec.task,
            tags=[],
            config=self.config,
            path=folder.path,
        )

    def _fit(
        self,
        folder: RunFolder,
        settings: TrainerSettings,
        *,
        mirror: WandbMirror | None = None,
        clock: SaveClock | None = None,
    ) -> float:
        task = copy.deepcopy(self.task)
        task.checks_every_step = settings.goes_back
        until = self.warmup + self.steps
        settings = replace(settings, max_steps=until, extra={"limit_val_batches": 0})
        timer = _StepTimer(first=self.warmup, last=until - 1)
        with MetricsWriter(folder.metrics) as writer:
            history = MetricsLog(writer, tokens=lambda: task.tokens_logged)
            loggers: list[Logger] = [] if mirror is None else [mirror.logger]
            callbacks: list[Callback] = [timer]
            if clock is not None:
                saving = self._saving(folder, settings, task, history)
                callbacks += clock.around(saving)
            trainer = settings.build(logger=[*loggers, history], callbacks=callbacks)
            trainer.fit(task, datamodule=self.datamodule)
        return timer.seconds

    def _saving(
        self, folder: RunFolder, settings: TrainerSettings, task: Task, history: MetricsLog
    ) -> list[Callback]:
        """The callbacks of a real run that save it."""
        attempt = Attempt(
            config=self.config,
            folder=folder,
            settings=settings,
            datamodule=self.datamodule,
            mirror=None,
            interrupts=Interrupts(),
            made_of={"config": self.config["run_id"]},
            point=None,
            started=time.perf_counter(),
        )
        best = BestWeights(task.primary, best_checkpoint(folder))
        return lasting_callbacks(attempt, best, history)


class _StepTimer(Callback):
    """Time from the start of batch `first` to the end of batch `last`."""

    def __init__(self, *, first: int, last: int) -> None:
        self.seconds = 0.0
        self._first = first
        self._last = last
        self._started = 0.0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == self._first:
            self._started = _now(pl_module.device)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if batch_idx == self._last:
            self.seconds = _now(pl_module.device) - self._started


def _now(device: torch.device) -> float:
    """The clock, once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
