"""Speed of the pipeline's training steps against a bare PyTorch loop on the same batches.

Both run in this process, in turns, so that a machine that is busy for a while slows both; the
bare loop gets its batches ready-made, the pipeline collates its own.
"""

from __future__ import annotations

import copy
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from seqbench.batch import TokenBatch
from seqbench.config.instantiate import instantiate
from seqbench.data.datamodule import SeqDataModule
from seqbench.errors import ConfigError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.tasks.task import Task
from seqbench.training.assemble import build_task, set_up_data
from seqbench.training.metrics_log import MetricsLog
from seqbench.training.trainer import TrainerSettings
from seqbench.training.wandb_mirror import WandbMirror, start_mirror
from seqbench.training.wandb_settings import WandbSettings

BARE, PIPELINE, MIRRORED = "bare loop", "pipeline", "pipeline with W&B"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What one way of training reached.

    Attributes:
        name: "bare loop", "pipeline" or "pipeline with W&B".
        steps_per_second: one figure a round.
        ratios: to the bare loop's figure of the same round.
    """

    name: str
    steps_per_second: list[float]
    ratios: list[float]

    @property
    def median_ratio(self) -> float:
        """The middle one of the rounds' ratios."""
        return statistics.median(self.ratios)


def compare_speed(
    config: Mapping[str, Any], *, steps: int, warmup: int, rounds: int
) -> list[Speed]:
    """Measure all ways, `rounds` times in turn.

    Args:
        config: a resolved run config.
        steps: steps that are timed in each round.
        warmup: steps before them that are not.
        rounds: how often.

    Raises:
        ConfigError: the training split has fewer batches than `steps` and `warmup` need.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    settings: TrainerSettings = instantiate(config["trainer"], "trainer")
    settings.apply()
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    datamodule = set_up_data(config)
    batches: list[TokenBatch] = list(islice(datamodule.train_dataloader(), warmup + steps))
    if len(batches) < warmup + steps:
        raise ConfigError(
            "steps",
            expected=f"at most {len(batches) - warmup} beside warmup={warmup}",
            got=str(steps),
            remedy="the training split has no more batches in an epoch",
        )
    task = build_task(config, datamodule.spec)
    ways: dict[str, Callable[[], float]] = {
        BARE: lambda: _bare_loop(copy.deepcopy(task), batches, settings, warmup),
        PIPELINE: lambda: _pipeline(config, copy.deepcopy(task), datamodule, steps, warmup, None),
        MIRRORED: lambda: _pipeline(
            config, copy.deepcopy(task), datamodule, steps, warmup, WandbSettings(mode="offline")
        ),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in tqdm(range(rounds), desc="benchmark", unit="round"):
        for name, measure in ways.items():
            found[name].append(measure())
    return [
        Speed(
            name=name,
            steps_per_second=values,
            ratios=[value / bare for value, bare in zip(values, found[BARE], strict=True)],
        )
        for name, values in found.items()
    ]


def _bare_loop(
    task: Task, batches: Sequence[TokenBatch], settings: TrainerSettings, warmup: int
) -> float:
    """Steps a second of what one would write by hand: no logging, no metrics, no checkpoints."""
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


def _pipeline(
    config: Mapping[str, Any],
    task: Task,
    datamodule: SeqDataModule,
    steps: int,
    warmup: int,
    wandb: WandbSettings | None,
) -> float:
    """Steps a second of `seqbench train`: Lightning, its history, and W&B where asked for."""
    timer = _StepTimer(first=warmup, last=warmup + steps - 1)
    extra = {"limit_val_batches": 0, "enable_checkpointing": False}
    settings: TrainerSettings = instantiate(
        {**config["trainer"], "max_steps": warmup + steps, "extra": extra}
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch) / "run")
        mirror: WandbMirror | None = None
        with folder.claim():
            if wandb is not None:
                mirror = start_mirror(
                    wandb,
                    run_id="benchmark",
                    study="benchmark",
                    task=datamodule.spec.task,
                    tags=[],
                    config=config,
                    path=folder.path,
                )
            with MetricsWriter(folder.metrics) as writer:
                loggers: list[Logger] = [] if mirror is None else [mirror.logger]
                loggers.append(MetricsLog(writer, tokens=lambda: task.tokens_logged))
                trainer = settings.build(logger=loggers, callbacks=[timer])
                trainer.fit(task, datamodule=datamodule)
            if mirror is not None:
                mirror.finish(exit_code=0)
    return steps / timer.seconds


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
