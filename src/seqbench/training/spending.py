"""A budget of compute or time: what a training has used of it, and its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback
from torch import nn

from seqbench.config.job import is_baseline
from seqbench.config.schema import BudgetKeys
from seqbench.errors import ConfigError
from seqbench.records.record import Budget, Cost
from seqbench.tasks.task import Task
from seqbench.training.callbacks import Stopwatch
from seqbench.training.untouched import untouched

_ROUNDING = 1e-9
PerToken = Callable[[torch.device], float]


class Spending(Callback):
    """Ends the training at the first optimizer step that reaches the budget; validation follows.

    The task's schedule goes by the share that is used, so that it is at its end then. FLOPs are
    those of a token, counted once beforehand, times the tokens seen: they are the same in a run
    that was stopped and goes on. Seconds are the main process's, and of all tries.

    Args:
        budget: with FLOPs or seconds.
        per_token: counts the training FLOPs of a token on a device; asked where FLOPs are limited.
        stopwatch: the seconds of training steps.

    Attributes:
        share: of the budget that is used, 1 or more at the end.
    """

    def __init__(self, budget: BudgetKeys, *, per_token: PerToken, stopwatch: Stopwatch) -> None:
        self.share = 0.0
        self._tokens: float | None = None
        self._budget = budget
        self._count = per_token
        self._stopwatch = stopwatch

    def limit(self) -> tuple[float, str]:
        """Where the training ends: so many "tokens" or "seconds"."""
        if self._tokens is not None:
            return self._tokens, "tokens"
        return self._budget.seconds or 0.0, "seconds"

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Count the FLOPs of a token, before there are an optimizer and its schedule.

        Raises:
            ConfigError: they cannot be counted.
        """
        assert isinstance(pl_module, Task)
        if stage != "fit":
            return
        if self._budget.flops is not None:
            self._tokens = self._budget.flops / self._per_token(trainer, pl_module)
        pl_module.budget_share = self.share

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Measure, so that the schedule and the end know; the step's own batches are computed."""
        assert isinstance(pl_module, Task)
        if self._tokens is not None:
            share = pl_module.num_tokens() / self._tokens
        else:
            assert self._budget.seconds is not None
            share = self._stopwatch.seconds / self._budget.seconds
        self.share = pl_module.budget_share = _of_main(share, trainer)

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

    def _per_token(self, trainer: pl.Trainer, task: Task) -> float:
        if trainer.world_size > 1 and any(isinstance(m, nn.SyncBatchNorm) for m in task.modules()):
            raise _uncountable("a layer that waits for all processes in each pass")
        device = trainer.strategy.root_device
        try:
            with untouched(task, device):
                task.train()
                per_token = self._count(device)
        except (ValueError, RuntimeError, NotImplementedError) as error:
            raise _uncountable((str(error).splitlines() or [""])[0]) from error
        if per_token <= 0:
            raise _uncountable("a model that multiplies no matrices")
        # Processes count on batches of their own.
        return _of_main(per_token, trainer)


def accounted(config: Mapping[str, Any], widths: Mapping[str, int], cost: Cost) -> Budget | None:
    """What a run came to, by its budget; None where nothing was asked for, and for a baseline.

    Args:
        config: resolved.
        widths: the model's arguments that were solved for.
        cost: of the run.
    """
    asked = BudgetKeys.of(config)
    if is_baseline(config) or (asked.params is None and not asked.ends_training):
        return None
    whole = asked.embeddings == "included"
    seconds = None
    if cost.tokens is not None and cost.tokens_per_second:
        seconds = cost.tokens / cost.tokens_per_second
    reached = {"flops": (cost.flops, asked.flops), "seconds": (seconds, asked.seconds)}
    used = [
        got is not None and got >= limit * (1 - _ROUNDING)
        for got, limit in reached.values()
        if limit is not None
    ]
    return Budget(
        params=asked.params,
        embeddings=asked.embeddings,
        widths=dict(widths),
        params_reached=cost.parameters if whole else cost.parameters_without_embeddings,
        flops=asked.flops,
        flops_reached=cost.flops,
        seconds=asked.seconds,
        seconds_reached=seconds,
        used_up=all(used) if used else None,
        reproducible=asked.seconds is None,
    )


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
