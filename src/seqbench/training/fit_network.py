"""A network's run: fit, take the best checkpoint by validation, one pass over test."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
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
from seqbench.config.schema import BudgetKeys
from seqbench.data.datamodule import SeqDataModule
from seqbench.errors import CHANGED_BY_HAND, kind_and_line
from seqbench.records.metrics import MetricsWriter
from seqbench.records.record import Cost, Primary, Scores
from seqbench.records.searches import is_trial
from seqbench.tasks.task import Task
from seqbench.training import distributed
from seqbench.training.attempt import Attempt
from seqbench.training.callbacks import (
    BestWeights,
    FirstStep,
    NotedRollback,
    PlannedSteps,
    Stopwatch,
)
from seqbench.training.checkpoint_file import read_checkpoint
from seqbench.training.checkpoints import Checkpoints
from seqbench.training.explained import is_out_of_memory
from seqbench.training.flops import training_flops
from seqbench.training.kinds import KINDS
from seqbench.training.memory import peak_memory_bytes
from seqbench.training.metrics_log import MetricsLog
from seqbench.training.outcome import Outcome
from seqbench.training.own_texts import own_texts
from seqbench.training.pruning import Pruned, PruneWatch
from seqbench.training.resume import UnusableCheckpoint, rollbacks_before
from seqbench.training.spending import Spending
from seqbench.training.state_size import state_bytes
from seqbench.training.training_files import (
    best_checkpoint,
    good_checkpoint,
    last_checkpoint,
    previous_checkpoint,
)
from seqbench.training.untouched import untouched
from seqbench.training.weights import weights_hash
from seqbench.training.widths import num_parameters

log = logging.getLogger(__name__)

RANK_STRIDE = 1_000_003  # between the seeds of ranks: further apart than seeds of runs


def fit_network(attempt: Attempt, task: Task) -> Outcome:
    """Train the config's model, from where an earlier try left it if it did, and score it."""
    datamodule, folder = attempt.datamodule, attempt.folder
    if distributed.is_launched():
        # Weights are rank 0's anyway; what is dropped must differ from rank to rank.
        torch.manual_seed(attempt.config["seed"] + distributed.rank() * RANK_STRIDE)
    # Where it goes back, the result depends on when it is seen.
    task.checks_every_step = attempt.settings.goes_back
    best, stopwatch = BestWeights(task.primary, best_checkpoint(folder)), Stopwatch()
    spending = _spending(attempt, task, stopwatch)
    with contextlib.ExitStack() as stack:
        history = _history(attempt, task, stack)
        stack.enter_context(attempt.interrupts.around_lightning())
        trainer = _trainer(attempt, task, best, stopwatch, spending, history)
        device = trainer.strategy.root_device  # Lightning takes the task off it in the end
        clock = [time.perf_counter()]
        try:
            _fit(trainer, task, attempt)
        except Pruned:
            ended = [*clock, time.perf_counter()]
            pruned = _pruned(trainer, task, attempt, best, ended, stopwatch)
            return replace(pruned, budget_share=task.budget_share)
        clock.append(time.perf_counter())
        tokens = task.num_tokens()
        _take_best(trainer, task, datamodule, best, best_checkpoint(folder))
        clock.append(time.perf_counter())
        trainer.test(task, datamodule=datamodule, verbose=False)
        kind = KINDS[datamodule.task]
        found = kind.of_network(task)
        clock.append(time.perf_counter())
    weights = weights_hash(task.state_dict())
    clock.insert(0, attempt.started)
    cost = _cost(trainer, task, clock, tokens, tokens / stopwatch.seconds, device)
    if attempt.point is not None:
        cost = replace(cost, train_seconds=(cost.train_seconds or 0.0) + attempt.point.seconds)
    if distributed.is_main():  # last: what is only tried costs the run no second and no byte
        flops = _flops(trainer, task, datamodule, tokens, device, spending)
        cost = replace(cost, flops=flops, state_bytes=state_bytes(task))
    with untouched(task, device):
        samples = own_texts(kind, task.eval(), datamodule, attempt.config)
    scores = replace(
        kind.scores(found, task.spec, split="test"),
        validation=dict(best.scores),
        best_epoch=best.epoch,
        **samples,
    )
    return Outcome(
        cost=cost,
        scores=scores,
        found=found,
        device=_name_of(device),
        weights=weights,
        budget_share=task.budget_share,
    )


def _history(attempt: Attempt, task: Task, stack: contextlib.ExitStack) -> MetricsLog | None:
    """What writes the history while the stack is open; None in any but the main process."""
    if not distributed.is_main():
        return None
    writer = stack.enter_context(MetricsWriter(attempt.folder.metrics))
    return MetricsLog(
        writer,
        tokens=lambda: task.tokens_logged,
        share=lambda: task.budget_share,
        earlier=0.0 if attempt.point is None else attempt.point.seconds,
    )


def _trainer(
    attempt: Attempt,
    task: Task,
    best: BestWeights,
    stopwatch: Stopwatch,
    spending: Spending | None,
    history: MetricsLog | None,
) -> pl.Trainer:
    """Lightning's, with the callbacks in the order in which they have to see a step."""
    return attempt.settings.build(
        logger=_loggers(attempt, history),
        callbacks=[
            best,
            stopwatch,
            *([spending] if spending is not None else []),
            *_chosen_callbacks(attempt.config, task),
            *lasting_callbacks(attempt, best, history),
            *_search_callbacks(attempt),
        ],
        endless=spending is not None,
    )


def _flops(
    trainer: pl.Trainer,
    task: Task,
    datamodule: SeqDataModule,
    tokens: int,
    device: torch.device,
    spending: Spending | None,
) -> float | None:
    """As the budget counted, where it did: nothing is counted twice, or otherwise in the end."""
    if spending is not None and spending.flops_per_token is not None:
        return float(round(tokens * spending.flops_per_token))
    if trainer.world_size > 1 and meets_other_ranks(task):
        return None
    per_token = partial(KINDS[datamodule.task].flops_per_token, task, datamodule, device)
    return training_flops(task, per_token, tokens=tokens, device=device)


def _pruned(
    trainer: pl.Trainer,
    task: Task,
    attempt: Attempt,
    best: BestWeights,
    clock: Sequence[float],
    stopwatch: Stopwatch,
) -> Outcome:
    """What a search has given up: its validations so far, and no look at the test split."""
    fitting, ended = clock
    device, tokens = trainer.strategy.root_device, task.num_tokens()
    times = [attempt.started, fitting, ended, ended, ended]
    cost = _cost(trainer, task, times, tokens, tokens / max(stopwatch.seconds, 1e-9), device)
    earlier = 0.0 if attempt.point is None else attempt.point.seconds
    cost = replace(cost, train_seconds=ended - fitting + earlier, test_seconds=None)
    primary = Primary(name=task.primary.name, higher_is_better=task.primary.higher_is_better)
    scores = Scores(primary=primary, best_epoch=best.epoch, validation=dict(best.scores))
    log.info("pruned in epoch %d: the search expects no more of it", trainer.current_epoch + 1)
    return Outcome(cost=cost, scores=scores, found=None, device=_name_of(device), pruned=True)


def _loggers(attempt: Attempt, history: MetricsLog | None) -> list[Logger]:
    loggers = [attempt.mirror.logger if attempt.mirror is not None else None, history]
    return [logger for logger in loggers if logger is not None]


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
        epochs=_finished_epochs(trainer),
        steps=trainer.global_step,
        tokens=tokens,
        train_seconds=fitted - fitting,
        setup_seconds=fitting - started,
        test_seconds=tested - testing,
        tokens_per_second=tokens_per_second,
        peak_memory_bytes=peak_memory_bytes(device),
    )


def _finished_epochs(trainer: pl.Trainer) -> int:
    """Of an epoch that was left in its midst Lightning says that it was finished."""
    batches = trainer.num_training_batches
    if not math.isfinite(batches):
        return trainer.current_epoch
    return trainer.global_step // max(1, math.ceil(batches / trainer.accumulate_grad_batches))


def _take_best(
    trainer: pl.Trainer, task: Task, datamodule: SeqDataModule, best: BestWeights, path: Path
) -> None:
    """Load the best checkpoint's weights, which may have to be made and scored first."""
    if best.epoch is None:
        # Stopped by max_steps before the first validation: these weights are the best.
        trainer.validate(task, datamodule=datamodule, verbose=False)
    load_weights(task, path)


def load_weights(task: nn.Module, path: Path) -> None:
    """Load the weights of a checkpoint, which holds plain containers and tensors only."""
    task.load_state_dict(read_checkpoint(path)["state_dict"])


def meets_other_ranks(module: nn.Module) -> bool:
    """Whether its forward pass in training waits for all ranks, and one alone would for ever."""
    return any(isinstance(part, nn.SyncBatchNorm) for part in module.modules())


def _chosen_callbacks(config: Mapping[str, Any], task: Task) -> list[Callback]:
    nodes = {name: node for name, node in config["callbacks"].items() if node is not None}
    settings = {name: instantiate(node, f"callbacks.{name}") for name, node in nodes.items()}
    return [each.build(task.primary, config["run_id"]) for each in settings.values()]


def lasting_callbacks(
    attempt: Attempt, best: BestWeights, history: MetricsLog | None
) -> list[Callback]:
    """What makes the run last: its planned length, and checkpoints of the whole training."""
    callbacks: list[Callback] = []
    folder, point, settings = attempt.folder, attempt.point, attempt.settings
    rollbacks = rollbacks_before(point)
    if history is not None and point is None:
        callbacks.append(PlannedSteps(history))
    if point is not None and point.has_just_rolled_back:
        callbacks.append(NotedRollback(rollbacks[-1]))

    def facts() -> dict[str, Any]:
        return {
            "made_of": attempt.made_of,
            "rollbacks": [asdict(each) for each in rollbacks],
            **(history.place() if history is not None else {}),
        }

    if not settings.overfit_batches:  # a debugging aid: its batches have no position
        checkpoints = Checkpoints(
            last_checkpoint(folder),
            previous=previous_checkpoint(folder),
            good=good_checkpoint(folder) if settings.goes_back else None,
            every=settings.checkpoint_every,
            interrupts=attempt.interrupts,
            best=best,
            facts=facts,
        )
        callbacks.append(checkpoints)
    return callbacks


def _spending(attempt: Attempt, task: Task, stopwatch: Stopwatch) -> Spending | None:
    """What ends the training where compute or time is limited."""
    budget, datamodule = BudgetKeys.of(attempt.config), attempt.datamodule
    if not budget.ends_training:
        return None
    per_token = partial(KINDS[datamodule.task].flops_per_token, task, datamodule)
    return Spending(budget, per_token=per_token, stopwatch=stopwatch)


def _search_callbacks(attempt: Attempt) -> list[Callback]:
    """What lets a search give the run up, if it is one's trial: nobody else's word ends a run."""
    return [PruneWatch(attempt.folder.prune)] if is_trial(attempt.config) else []


def _fit(trainer: pl.Trainer, task: Task, attempt: Attempt) -> None:
    settings, datamodule, point = attempt.settings, attempt.datamodule, attempt.point
    if settings.overfit_batches:
        batches = list(islice(datamodule.train_dataloader(), settings.overfit_batches))
        loader: DataLoader[Any] = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
        trainer.fit(task, train_dataloaders=loader, val_dataloaders=loader)
    else:
        path = None if point is None else last_checkpoint(attempt.folder)
        with _taken_up(trainer, path):
            try:
                trainer.fit(task, datamodule=datamodule, ckpt_path=path, weights_only=True)
            finally:  # where a validation ends it, Lightning ends the workers of that one only
                trainer.fit_loop.teardown()
    if settings.profiler is not None and distributed.is_main():
        print(trainer.profiler.summary())  # type: ignore[attr-defined]


@contextlib.contextmanager
def _taken_up(trainer: pl.Trainer, path: Path | None) -> Iterator[None]:
    """What goes wrong before the first step after a checkpoint is laid to the checkpoint.

    Want of memory is not. Of several processes each sees another part: there it stays the run's.

    Raises:
        UnusableCheckpoint: in place of what its state led to.
    """
    first_step = FirstStep()
    trainer.callbacks.append(first_step)  # type: ignore[attr-defined]
    try:
        yield
    except CHANGED_BY_HAND as error:
        taken_up = path is None or first_step.reached
        if taken_up or trainer.world_size > 1 or is_out_of_memory(error):
            raise
        raise UnusableCheckpoint(
            str(path), expected="a state to go on from", got=kind_and_line(error)
        ) from error


def _name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
