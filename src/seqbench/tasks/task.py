"""The base of every task: steps, exact means, logging, optimizer wiring."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MetricCollection

from seqbench.batch import DataSpec, TokenBatch
from seqbench.errors import Diverged
from seqbench.models.encoder import Encoder
from seqbench.models.inputs import Inputs
from seqbench.tasks.metrics import WeightedMean
from seqbench.tasks.optimizers import OptimizerSettings
from seqbench.tasks.schedulers import SchedulerSettings
from seqbench.tasks.trained_epoch import trained_epoch

BUDGET_TICKS = 1000
"""Steps of a schedule over a budget: the learning rate changes with each thousandth of it."""


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """A metric's name and which way is better."""

    name: str
    higher_is_better: bool


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What a task makes of a batch.

    Attributes:
        loss_sum: the loss summed over what counts (examples, tokens), a scalar.
        weight: how much was summed; the mean loss is `loss_sum / weight`, a scalar.
        predictions: what the metrics compare, e.g. probabilities_BC.
        targets: what they compare it with, e.g. labels_B.
    """

    loss_sum: Tensor
    weight: Tensor
    predictions: Tensor
    targets: Tensor


class Task(LightningModule, ABC):
    """A LightningModule of an encoder: subclasses say what a batch's outputs and metrics are.

    The loss of an optimizer step is the sum over everything the step saw, divided by its weight:
    over all processes and all accumulated micro-batches, so a mean stays exact under padding,
    data parallelism and accumulation, where a mean of means is not.

    Attributes:
        budget_share: how much of a budget of compute or time is used, where one ends the training
            in place of a number of steps; set by whoever watches it, before training and in each
            step. None without such a budget.
        tokens_logged: training tokens when last counted.
        checks_every_step: whether every loss is looked at on a GPU too, which waits for it then; on
            a CPU it costs nothing. Of several processes each would see it at another moment: they
            look together, when they log.
    """

    primary: ClassVar[MetricSpec]

    def __init__(
        self,
        *,
        inputs: Inputs,
        encoder: Encoder,
        spec: DataSpec,
        optimizer: OptimizerSettings,
        scheduler: SchedulerSettings,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.spec = spec
        self.optimizer_settings = optimizer
        self.scheduler_settings = scheduler
        self.validation_loss = WeightedMean()
        self.validation_metrics: MetricCollection = MetricCollection({})
        self._unlogged = torch.zeros(2, dtype=torch.float64)  # loss and weight since the last row
        self._tokens = torch.zeros((), dtype=torch.int64)
        self.tokens_logged = 0
        self.budget_share: float | None = None
        self.checks_every_step = False
        self._last_finite: dict[str, float] = {}
        self._plateau_state: dict[str, Any] | None = None
        self._window_weight: Tensor | None = None
        self._gradient_norm: Tensor | None = None
        self._plateau: ReduceLROnPlateau | None = None

    @abstractmethod
    def outputs(self, batch: TokenBatch) -> Outputs:
        """Loss, predictions and targets of a batch."""

    def bare_loss(self, batch: TokenBatch) -> Tensor:
        """The mean loss of one batch, as a loop written by hand would compute it."""
        outputs = self.outputs(batch)
        return outputs.loss_sum / outputs.weight

    def follows(self, loss: Tensor) -> dict[str, Tensor]:
        """Validation scores that follow from the mean loss, by name."""
        return {}

    @abstractmethod
    def gathered_predictions(self) -> dict[str, NDArray[Any]]:
        """What the last test pass said of each example, from all processes, sorted by row."""

    # Training

    def training_step(self, batch: TokenBatch, batch_idx: int) -> Tensor:
        """The loss whose gradient is that of the exact mean over the optimizer step."""
        outputs = self.outputs(batch)
        # A torchmetrics object would cost a small step several per cent of its time.
        earlier, unlogged = self._unlogged, torch.stack([outputs.loss_sum.detach(), outputs.weight])
        self._unlogged = earlier.to(unlogged.device) + unlogged
        self._tokens = self._tokens + batch.lengths_B.sum()
        if not self._is_finite(outputs.loss_sum):  # before any weight has changed by it
            self._note_mean(earlier)
            self._log_training(self.trainer.global_step + 1)
        if self.trainer.accumulate_grad_batches > 1:
            # The window's weight is known only at its end: sum now, divide the gradients then.
            weight = outputs.weight
            seen = self._window_weight
            self._window_weight = weight if seen is None else seen + weight
            return outputs.loss_sum * self.trainer.accumulate_grad_batches
        return outputs.loss_sum * (self.trainer.world_size / self._over_ranks(outputs.weight))

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Turn the gradients of summed losses into those of the mean."""
        if self._window_weight is None:
            return
        factor = self.trainer.world_size / self._over_ranks(self._window_weight)
        self._window_weight = None
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        torch._foreach_mul_(gradients, factor)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the global norm, and keep the norm for the log."""
        if gradient_clip_val is None and not self._is_log_step(self.trainer.global_step + 1):
            return
        limit = math.inf if gradient_clip_val is None else gradient_clip_val
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._gradient_norm = nn.utils.clip_grad_norm_(parameters, limit)

    def on_train_batch_end(self, outputs: Any, batch: TokenBatch, batch_idx: int) -> None:
        """Write the training metrics every `log_every_n_steps` optimizer steps."""
        stepped = (batch_idx + 1) % self.trainer.accumulate_grad_batches == 0
        if stepped and self._is_log_step(self.trainer.global_step):
            self._log_training(self.trainer.global_step)

    def on_train_epoch_end(self) -> None:
        """Write what the epoch's last steps left unread."""
        if self._unlogged[1] > 0:
            self._log_training(self.trainer.global_step)

    def _is_log_step(self, step: int) -> bool:
        return step % int(self.trainer.log_every_n_steps) == 0  # type: ignore[attr-defined]

    def _is_finite(self, loss: Tensor) -> bool:
        """Whether a loss is, as far as it is looked at now."""
        if self.trainer.world_size > 1 or not (self.checks_every_step or loss.device.type == "cpu"):
            return True
        return math.isfinite(float(loss.detach()))

    def _note_mean(self, unlogged: Tensor) -> None:
        """The mean loss since the last row is the last finite one."""
        loss_sum, weight = unlogged.tolist()
        if weight and math.isfinite(loss_sum):
            self._last_finite["train/loss"] = loss_sum / weight

    def _log_training(self, step: int) -> None:
        """Write a row; a loss in it that is not finite ends the training."""
        loss_sum, weight = self._over_ranks(self._unlogged).tolist()
        loss = loss_sum / weight
        self._unlogged = torch.zeros_like(self._unlogged)
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.tokens_logged = self.num_tokens()
        metrics = {"train/loss": loss, "train/learning_rate": rate, "tokens": self.tokens_logged}
        if self._gradient_norm is not None:
            metrics["train/gradient_norm"] = float(self._gradient_norm)
        metrics["epoch"] = self.trainer.current_epoch
        for logger in self.trainer.loggers:
            logger.log_metrics(metrics, step=step)
        if not math.isfinite(loss):
            raise self._diverged(loss, step, "a finite loss")
        self._note_finite(metrics)

    def _note_finite(self, metrics: Mapping[str, float]) -> None:
        self._last_finite |= {
            name: value for name, value in metrics.items() if "/" in name and math.isfinite(value)
        }

    def _diverged(self, loss: float, step: int, expected: str) -> Diverged:
        """The error of a loss that is not finite, with what is known."""
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        norm = self._last_norm()
        before = [
            f"{name} {self._last_finite[name]:.4g}"
            for name in ("train/loss", "validation/loss")
            if name in self._last_finite
        ]
        last = f"; last finite {', '.join(before)}" if before else ""
        return Diverged(
            f"training diverged at step {step}",
            expected=expected,
            got=f"{loss} (learning rate {rate:.3g}, gradient norm {norm:.3g}{last})",
            remedy="lower optimizer.lr, set trainer.clip_norm, or have it go back and on with "
            "smaller steps by trainer.on_divergence=rollback",
            details={
                "step": step,
                "epoch": self.trainer.current_epoch,
                "learning_rate": float(rate),
                "gradient_norm": norm,
                "last_finite": dict(self._last_finite),
            },
        )

    def _last_norm(self) -> float:
        """The gradient norm of the last step, before clipping."""
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        is_kept = self.trainer.gradient_clip_val is not None or self._window_weight is not None
        if gradients and not is_kept:  # they are there until the next backward pass
            return float(nn.utils.get_total_norm(gradients))
        return math.nan if self._gradient_norm is None else float(self._gradient_norm)

    def num_tokens(self) -> int:
        """Training tokens seen so far by all processes, padding left out."""
        return int(self._over_ranks(self._tokens))

    # Evaluation

    def validation_step(self, batch: TokenBatch, batch_idx: int) -> None:
        """Sum up losses and metrics; nothing is averaged before the end."""
        outputs = self.outputs(batch)
        self.validation_loss.update(outputs.loss_sum, outputs.weight)
        self.validation_metrics.update(outputs.predictions, outputs.targets)

    def on_validation_epoch_end(self) -> None:
        """Log the validation split's metrics, exact over the whole split and all ranks."""
        self.tokens_logged = self.num_tokens()
        loss = self.validation_loss.compute()
        values: dict[str, Any] = {"loss": loss, **self.follows(loss)}
        values |= self.validation_metrics.compute()
        # Lightning's own step is one behind at an epoch's end, and resumed one ahead.
        place = {
            "step": float(self.trainer.global_step),
            "epoch": float(trained_epoch(self.trainer)),
        }
        named = {f"validation/{name}": value for name, value in values.items()}
        self.log_dict(named | place)
        self._note_finite({name: float(value) for name, value in named.items()})
        self.validation_loss.reset()
        self.validation_metrics.reset()

    def on_validation_end(self) -> None:
        """Refuse a loss that is not finite, else step a plateau schedule.

        That is done here, because a resumed epoch would skip Lightning's own call.
        """
        loss = self.trainer.callback_metrics.get("validation/loss")
        if loss is not None and not math.isfinite(loss):
            raise self._diverged(float(loss), self.trainer.global_step, "a finite validation loss")
        monitored = self.trainer.callback_metrics.get(f"validation/{self.primary.name}")
        if self._plateau is not None and monitored is not None:
            self._plateau.step(float(monitored))

    # Wiring

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimizer, and a schedule over the steps or the budget of this training."""
        # Under 16-bit gradient scaling a fused step would unscale on its own, after clipping.
        optimizer = self.optimizer_settings.build(self, fused=self.trainer.precision != "16-mixed")
        budgeted = self.budget_share is not None
        schedule = self.scheduler_settings.build(
            optimizer,
            total_steps=(
                BUDGET_TICKS if budgeted else int(self.trainer.estimated_stepping_batches)
            ),
            higher_is_better=self.primary.higher_is_better,
        )
        if isinstance(schedule, ReduceLROnPlateau):
            self._plateau = schedule
            if self._plateau_state is not None:
                schedule.load_state_dict(self._plateau_state)
            return optimizer
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """One step of the schedule, or as many as the budget's share is worth by now."""
        due = 1
        if self.budget_share is not None:
            due = int(min(self.budget_share, 1.0) * BUDGET_TICKS) - scheduler.last_epoch
        for _ in range(due):
            scheduler.step()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what Lightning does not know of."""
        checkpoint["spec"] = self.spec.to_dict()
        if self._plateau is not None:
            checkpoint["plateau"] = self._plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what `on_save_checkpoint` kept."""
        self._plateau_state = checkpoint.get("plateau")  # loaded once there is a schedule

    def training_state(self) -> dict[str, Any]:
        """What this process has counted and carried so far, between two optimizer steps."""
        norm = self._gradient_norm
        return {
            "tokens": int(self._tokens),
            "tokens_logged": self.tokens_logged,
            "unlogged": self._unlogged.tolist(),
            "gradient_norm": None if norm is None else float(norm),
            "last_finite": dict(self._last_finite),
        }

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Take up what `training_state` told."""
        self._tokens = torch.tensor(state["tokens"], dtype=torch.int64)
        self.tokens_logged = state["tokens_logged"]
        self._unlogged = torch.tensor(state["unlogged"], dtype=torch.float64)
        self._last_finite = dict(state["last_finite"])
        norm = state["gradient_norm"]
        self._gradient_norm = None if norm is None else torch.tensor(norm, dtype=torch.float64)

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning sets this name dozens of times a step, and nn.Module looks through parameters,
        # buffers and children each time: 0.3 ms that no plain attribute needs.
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _over_ranks(self, weight: Tensor) -> Tensor:
        if self.trainer.world_size > 1:
            weight = weight.to(self.device, copy=True)
            dist.all_reduce(weight)
        return weight
