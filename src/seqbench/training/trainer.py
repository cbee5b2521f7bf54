"""The Trainer, by names that a user knows; what Lightning adds to them is decided here."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from threadpoolctl import ThreadpoolController

from seqbench.domains import Bounds, NonNegativeInt, PositiveFloat, PositiveInt
from seqbench.errors import ConfigError
from seqbench.training.checkpoint_file import CheckpointFiles


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """How long, on what and how exactly to train.

    Attributes:
        max_epochs: passes over the training split at most; a budget of FLOPs or seconds takes its
            place.
        max_steps: optimizer steps at most; None for no limit.
        accelerator: "auto" takes a CUDA GPU where there is one, else the CPU.
        devices: processes, one a device; more than one trains data-parallel.
        precision: of the arithmetic, as Lightning names it.
        accumulate: micro-batches an optimizer step.
        clip_norm: largest global gradient norm; None for no clipping.
        threads: CPU threads of torch; part of a run's identity, because they change its bits.
        deterministic: refuse operations whose result is not the same twice.
        compile: compile the encoder with torch.compile.
        log_every: optimizer steps between two rows of training metrics.
        evals_per_epoch: validations an epoch.
        limit_train_batches: batches an epoch at most, for debugging.
        limit_eval_batches: batches of a validation or test pass at most, for debugging.
        overfit_batches: train and validate on so many batches, the same ones, for debugging.
        on_divergence: what a loss that is not finite does: "fail" ends the run; "rollback" goes
            back to the beginning of the epoch, and on with a smaller learning rate. For that it
            saves the whole training at every epoch's beginning, and looks at the loss of every
            step, which a GPU then waits for.
        rollback_factor: what a rollback multiplies the learning rate by.
        max_rollbacks: rollbacks at most; the next divergence ends the run.
        checkpoint_every: seconds between two checkpoints of the whole training; None saves one
            only when the run is told to stop.
        profiler: Lightning's profiler by name.
        extra: further keyword arguments of `pytorch_lightning.Trainer`.
    """

    max_epochs: PositiveInt = 5
    max_steps: PositiveInt | None = None
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: PositiveInt = 1
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"
    accumulate: PositiveInt = 1
    clip_norm: PositiveFloat | None = 1.0
    threads: PositiveInt = 1
    deterministic: bool = True
    compile: bool = False
    log_every: PositiveInt = 50
    evals_per_epoch: PositiveInt = 1
    limit_train_batches: PositiveInt | None = None
    limit_eval_batches: PositiveInt | None = None
    overfit_batches: NonNegativeInt = 0
    on_divergence: Literal["fail", "rollback"] = "fail"
    rollback_factor: Annotated[float, Bounds(low=0, high=1, open_low=True, open_high=True)] = 0.5
    max_rollbacks: PositiveInt = 3
    checkpoint_every: PositiveFloat | None = 30.0
    profiler: Literal["simple", "advanced"] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def goes_back(self) -> bool:
        """Whether a training that diverges goes back, and on with smaller steps."""
        return self.on_divergence == "rollback"

    def apply(self) -> None:
        """Set what belongs to the process: threads, and what deterministic CUDA needs."""
        torch.set_num_threads(self.threads)
        blas().limit(limits=self.threads)  # its thread count changes bits too
        if self.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

    def device_type(self) -> str:
        """The accelerator that "auto" stands for here.

        Raises:
            ConfigError: one was asked for that this machine lacks.
        """
        there = {"cpu": True, "cuda": torch.cuda.is_available()}
        chosen = self.accelerator
        if chosen == "auto":
            chosen = "cuda" if there["cuda"] else "cpu"
        if not there[chosen]:
            names = ", ".join(name for name, available in there.items() if available)
            raise ConfigError(
                "trainer.accelerator",
                expected=f"one that this machine has ({names})",
                got=chosen,
                remedy="use trainer.accelerator=auto",
            )
        return chosen

    def build(
        self, *, logger: list[Logger], callbacks: list[Callback], endless: bool = False
    ) -> pl.Trainer:
        """The Trainer.

        Args:
            logger: loggers.
            callbacks: callbacks.
            endless: pass over the training split until a callback ends it.

        Raises:
            ConfigError: `extra` names an argument that Lightning does not know.
        """
        arguments: dict[str, Any] = {
            "accelerator": self.device_type(),
            "devices": self.devices,
            "strategy": "ddp" if self.devices > 1 else "auto",
            "precision": self.precision,
            "max_epochs": -1 if endless else self.max_epochs,
            "max_steps": self.max_steps or -1,
            "accumulate_grad_batches": self.accumulate,
            "gradient_clip_val": self.clip_norm,
            "deterministic": self.deterministic,
            "log_every_n_steps": self.log_every,
            "val_check_interval": 1.0 / self.evals_per_epoch,
            "limit_train_batches": self.limit_train_batches,
            "limit_val_batches": self.limit_eval_batches,
            "limit_test_batches": self.limit_eval_batches,
            "profiler": self.profiler,
            "logger": logger or False,
            "callbacks": callbacks,
            # Ours: the sampler shards itself, the progress bar and checkpoints are callbacks.
            "use_distributed_sampler": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            # Lightning would add a ModelCheckpoint of its own.
            "enable_checkpointing": False,
            "plugins": [CheckpointFiles()],
            # A sanity pass would draw from generators before training does.
            "num_sanity_val_steps": 0,
        }
        try:
            return pl.Trainer(**(arguments | self.extra))
        except TypeError as error:
            raise ConfigError(
                "trainer.extra",
                expected="keyword arguments of pytorch_lightning.Trainer",
                got=str(error),
            ) from error


@functools.cache
def blas() -> ThreadpoolController:
    """The numerical libraries there are: to look for them takes a while, a forked process knows."""
    return ThreadpoolController()
