"""A budget of compute or time: what a training has used of it, and its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from seqbench.config.job import is_baseline
from seqbench.config.schema import BudgetKeys
from seqbench.errors import ConfigError
from seqbench.records.record import Budget, Cost
from seqbench.tasks.task import Task
from seqbench.training.callbacks import Stopwatch
from seqbench.training.explained import is_out_of_memory
from seqbench.training.untouched import untouched

PerToken = Callable[[torch.device], float]


class Spending(Callback):
    """Ends the training at the first optimizer step that reaches the budget; validation follows.

    The task's schedule goes by the share that is used, so that it is at its end then. FLOPs are
    those of a token, counted once beforehand, times the tokens seen: they are the same in a run
    that was stopped and goes on. Seconds are the main process's, of the steps that its weights are
    made of: what a killed try had done since its last checkpoint is not among them.

    Args:
        budget: with FLOPs or seconds.
        per_token: counts the training FLOPs of a token on a device; asked where FLOPs are limited.
        stopwatch: the seconds of training steps.

    Attributes:
        share: of the budget that is used, 1 or more at the end.
        flops_per_token: as they were counted; None where time is limited.
    """

    def __init__(self, budget: BudgetKeys, *, per_token: PerToken, stopwatch: Stopwatch) -> None:
        self.share = 0.0
        self.flops_per_token: float | None = None
        self._budget = budget
        self._count = per_token
        self._stopwatch = stopwatch

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Count the FLOPs of a token, before there are an optimizer and its schedule.

        Raises:
            ConfigError: they cannot be counted.
        """
        assert isinstance(pl_module, Task)
        if stage != "fit":
            return
        if self._budget.flops is not None:
            self.flops_per_token = self._per_token(trainer, pl_module)
        pl_module.budget_share = self.share

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Measure, so that the schedule and the end know; the step's own batches are computed.

        Raises:
            ConfigError: the first step alone takes more FLOPs than there are.
        """
        assert isinstance(pl_module, Task)
        before, self.share = self.share, _of_main(self._spent(pl_module), trainer)
        if before == 0.0 and self.share > 1.0 and self._budget.flops is not None:
            raise ConfigError(
                "budget.flops",
                expected=f"at least {self.share * self._budget.flops:.3g}, those of a first step",
                got=f"{self._budget.flops:.3g}",
                remedy="raise it",
            )
        pl_module.budget_share = self.share

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """End where the budget is used up: its share changes with an optimizer step alone."""
        if self.share >= 1.0:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """The share, for a run that is resumed."""
        return {"share": self.share}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        self.share = state_dict["share"]

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell the task what a resumed run had used."""
        assert isinstance(pl_module, Task)
        pl_module.budget_share = self.share

    def _spent(self, task: Task) -> float:
        if self._budget.flops is not None and self.flops_per_token is not None:
            return task.num_tokens() * self.flops_per_token / self._budget.flops
        assert self._budget.seconds is not None
        return self._stopwatch.seconds / self._budget.seconds

    def _per_token(self, trainer: pl.Trainer, task: Task) -> float:
        if trainer.world_size > 1 and _waits(trainer, task):
            raise _uncountable("a layer that waits for all processes in each pass")
        device = trainer.strategy.root_device
        try:
            with untouched(task, device):
                task.train()
                per_token = self._count(device)
        except (ValueError, RuntimeError, NotImplementedError) as error:
            if is_out_of_memory(error):
                raise  # of a step that training would take, too: not for want of a formula
            raise _uncountable((str(error).splitlines() or [""])[0]) from error
        if per_token <= 0:
            raise _uncountable("a model that multiplies no matrices")
        # Processes count on batches of their own.
        return _of_main(per_token, trainer)


def accounted(
    config: Mapping[str, Any], widths: Mapping[str, int], cost: Cost, share: float | None
) -> Budget | None:
    """What a run came to, by its budget; None where nothing was asked for, and for a baseline.

    Args:
        config: resolved.
        widths: the model's arguments that were solved for.
        cost: of the run.
        share: how much is used of what ends the training; None where the budget does not.
    """
    asked = BudgetKeys.of(config)
    if is_baseline(config) or (asked.params is None and not asked.ends_training):
        return None
    whole = asked.embeddings == "included"
    seconds = None
    if cost.tokens is not None and cost.tokens_per_second:
        seconds = cost.tokens / cost.tokens_per_second
    return Budget(
        params=asked.params,
        embeddings=asked.embeddings,
        widths=dict(widths),
        params_reached=cost.parameters if whole else cost.parameters_without_embeddings,
        flops=asked.flops,
        flops_reached=cost.flops,
        seconds=asked.seconds,
        seconds_reached=seconds,
        used_up=None if share is None else share >= 1.0,
        reproducible=asked.seconds is None,
    )


def _waits(trainer: pl.Trainer, task: Task) -> bool:
    """Whether a layer of it waits for all processes, now or once Lightning has put it in place."""
    synchronized = getattr(trainer.strategy, "_layer_sync", None) is not None
    kind = _BatchNorm if synchronized else nn.SyncBatchNorm
    return any(isinstance(part, kind) for part in task.modules())


def _of_main(value: float, trainer: pl.Trainer) -> float:
    """The main process's: all must go on and stop together."""
    if trainer.world_size == 1:
        return value
    told = torch.tensor(value, dtype=torch.float64, device=trainer.strategy.root_device)
    dist.broadcast(told, 0)
    return float(told)


def _uncountable(why: str) -> ConfigError:
    return ConfigError(
        "budget.flops",
        expected="null for a model whose FLOPs cannot be counted",
        got=why,
        remedy="use budget.seconds or trainer.max_epochs",
    )
