"""Learning-rate schedules as settings that build themselves for an optimizer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from seqbench.domains import Fraction, NonNegativeInt, Probability


class SchedulerSettings(Protocol):
    """What a task needs of a schedule's settings."""

    def build(
        self, optimizer: Optimizer, *, total_steps: int, higher_is_better: bool
    ) -> LRScheduler:
        """The schedule over `total_steps` optimizer steps."""


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The same learning rate throughout, after a linear warm-up."""

    warmup: Fraction = 0.0

    def build(
        self, optimizer: Optimizer, *, total_steps: int, higher_is_better: bool
    ) -> LRScheduler:
        """See `SchedulerSettings.build`; `warmup` is a share of all steps."""
        warmup_steps = round(self.warmup * total_steps)
        return LambdaLR(optimizer, lambda step: _warm(step, warmup_steps))


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Linear warm-up, then half a cosine down (Loshchilov & Hutter 2017, SGDR, equation 5)."""

    warmup: Fraction = 0.1
    final: Fraction = 0.0

    def build(
        self, optimizer: Optimizer, *, total_steps: int, higher_is_better: bool
    ) -> LRScheduler:
        """See `SchedulerSettings.build`; `final` is a share of the peak learning rate."""
        warmup_steps = round(self.warmup * total_steps)
        decay_steps = max(1, total_steps - warmup_steps)

        def factor(step: int) -> float:
            if step < warmup_steps:
                return _warm(step, warmup_steps)
            progress = min(1.0, (step - warmup_steps) / decay_steps)
            return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))

        return LambdaLR(optimizer, factor)


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """Multiply the learning rate by `factor` after `patience` validations without progress."""

    factor: Probability = 0.5
    patience: NonNegativeInt = 1

    def build(
        self, optimizer: Optimizer, *, total_steps: int, higher_is_better: bool
    ) -> LRScheduler:
        """See `SchedulerSettings.build`; the task steps it after each validation."""
        return ReduceLROnPlateau(
            optimizer,
            mode="max" if higher_is_better else "min",
            factor=self.factor,
            patience=self.patience,
            threshold=0.0,
        )


def _warm(step: int, warmup_steps: int) -> float:
    """Linear from 1/warmup_steps to 1: the first step already learns."""
    return min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
