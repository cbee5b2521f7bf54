"""A network's run: fit, take the best checkpoint by validation, one pass over test."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from torch import nn
from torch.utils.data import DataLoader

from seqbench.config.instantiate import instantiate
from seqbench.data.datamodule import SeqDataModule
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.records.predictions import Predictions
from seqbench.records.record import Cost
from seqbench.tasks.task import Task
from seqbench.training import distributed
from seqbench.training.assemble import build_task
from seqbench.training.callbacks import BestScores, Stopwatch, best_checkpoint
from seqbench.training.interrupts import interruptible
from seqbench.training.memory import peak_memory_bytes, reset_peak_memory
from seqbench.training.metrics_log import MetricsLog
from seqbench.training.outcome import Outcome
from seqbench.training.scoring import scores_of
from seqbench.training.trainer import TrainerSettings
from seqbench.training.wandb_mirror import WandbMirror

RANK_STRIDE = 1_000_003  # between the seeds of ranks: further apart than seeds of runs


def fit_network(
    config: Mapping[str, Any],
    folder: RunFolder,
    settings: TrainerSettings,
    datamodule: SeqDataModule,
    mirror: WandbMirror | None,
    started: float,
) -> Outcome:
    """Train the config's model and score it.

    Args:
        config: the resolved config.
        folder: the run folder.
        settings: the trainer's settings, applied.
        datamodule: set up.
        mirror: the open W&B run, on the main process.
        started: `time.perf_counter()` at the run's start.
    """
    reset_peak_memory()
    task = build_task(config, datamodule.spec)
    if distributed.is_launched():
        # Weights are rank 0's anyway; what is dropped must differ from rank to rank.
        torch.manual_seed(config["seed"] + distributed.rank() * RANK_STRIDE)
    best, stopwatch = BestScores(task.primary), Stopwatch()
    checkpoint = best_checkpoint(folder, task.primary)
    callbacks = [best, stopwatch, checkpoint, *_chosen_callbacks(config, task)]
    with contextlib.ExitStack() as stack:
        loggers: list[Logger] = [] if mirror is None else [mirror.logger]
        if distributed.is_main():
            writer = stack.enter_context(MetricsWriter(folder.metrics))
            loggers.append(MetricsLog(writer, tokens=lambda: task.tokens_logged))
        stack.enter_context(interruptible())
        trainer = settings.build(logger=loggers, callbacks=callbacks)
        device = trainer.strategy.root_device  # Lightning takes the task off it in the end
        clock = [time.perf_counter()]
        _fit(trainer, task, datamodule, settings)
        clock.append(time.perf_counter())
        tokens = task.num_tokens()
        _take_best(trainer, task, datamodule, best, folder.checkpoints / "best.ckpt")
        clock.append(time.perf_counter())
        trainer.test(task, datamodule=datamodule, verbose=False)
        predictions = Predictions(**task.gathered_predictions())
        clock.append(time.perf_counter())
    cost = _cost(trainer, task, [started, *clock], tokens, tokens / stopwatch.seconds, device)
    scores = scores_of(
        predictions,
        task.spec.label_names,
        primary=task.primary,
        validation=best.scores,
        best_epoch=best.epoch,
    )
    return Outcome(cost=cost, scores=scores, predictions=predictions, device=_name_of(device))


def _cost(
    trainer: pl.Trainer,
    task: Task,
    clock: Sequence[float],
    tokens: int,
    tokens_per_second: float,
    device: torch.device,
) -> Cost:
    """What it cost; `clock` was read at the start, before and after fitting, and around testing."""
    started, fitting, fitted, testing, tested = clock
    parameters = num_parameters(task)
    return Cost(
        parameters=parameters,
        parameters_without_embeddings=parameters - num_parameters(task.inputs),
        epochs=trainer.current_epoch,
        steps=trainer.global_step,
        tokens=tokens,
        train_seconds=fitted - fitting,
        setup_seconds=fitting - started,
        test_seconds=tested - testing,
        tokens_per_second=tokens_per_second,
        peak_memory_bytes=peak_memory_bytes(device),
    )


def _take_best(
    trainer: pl.Trainer, task: Task, datamodule: SeqDataModule, best: BestScores, path: Path
) -> None:
    """Load the best checkpoint's weights, which may have to be made and scored first."""
    if best.epoch is None:
        # Stopped by max_steps before the first validation: these weights are the best.
        trainer.validate(task, datamodule=datamodule, verbose=False)
        trainer.save_checkpoint(path, weights_only=True)
    load_weights(task, path)


def load_weights(task: nn.Module, path: Path) -> None:
    """Load the weights of a checkpoint, which holds plain containers and tensors only."""
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    task.load_state_dict(checkpoint["state_dict"])


def num_parameters(module: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _chosen_callbacks(config: Mapping[str, Any], task: Task) -> list[Callback]:
    nodes = {name: node for name, node in config["callbacks"].items() if node is not None}
    settings = {name: instantiate(node, f"callbacks.{name}") for name, node in nodes.items()}
    return [each.build(task.primary, config["run_id"]) for each in settings.values()]


def _fit(
    trainer: pl.Trainer, task: Task, datamodule: SeqDataModule, settings: TrainerSettings
) -> None:
    if settings.overfit_batches:
        batches = list(islice(datamodule.train_dataloader(), settings.overfit_batches))
        loader: DataLoader[Any] = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
        trainer.fit(task, train_dataloaders=loader, val_dataloaders=loader)
    else:
        trainer.fit(task, datamodule=datamodule)
    if settings.profiler is not None and distributed.is_main():
        print(trainer.profiler.summary())  # type: ignore[attr-defined]


def _name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
