"""Optimizers as settings that build themselves for a module, with decay where it belongs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from torch import nn, optim

from seqbench.domains import NonNegativeFloat, PositiveFloat, Probability


class OptimizerSettings(Protocol):
    """What a task needs of an optimizer's settings."""

    def build(self, module: nn.Module, *, fused: bool) -> optim.Optimizer:
        """The optimizer of the module's trainable parameters."""


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).

    Decay leaves out biases, norms and every other vector or scalar: shrinking those regularises
    nothing and shifts what they centre.
    """

    lr: PositiveFloat = 2e-3
    weight_decay: NonNegativeFloat = 0.01
    beta1: Probability = 0.9
    beta2: Probability = 0.98
    eps: PositiveFloat = 1e-8

    def build(self, module: nn.Module, *, fused: bool) -> optim.Optimizer:
        """See `OptimizerSettings.build`; one fused kernel a step where the device allows it."""
        return optim.AdamW(
            parameter_groups(module, self.weight_decay),
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            fused=fused,
        )


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent with (Nesterov) momentum (Sutskever et al. 2013, section 2)."""

    lr: PositiveFloat = 0.1
    momentum: Probability = 0.9
    nesterov: bool = True
    weight_decay: NonNegativeFloat = 0.0

    def build(self, module: nn.Module, *, fused: bool) -> optim.Optimizer:
        """See `OptimizerSettings.build`."""
        return optim.SGD(
            parameter_groups(module, self.weight_decay),
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov and self.momentum > 0,
            fused=fused,
        )


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Trainable parameters in two groups: matrices with decay, vectors and scalars without."""
    trainable = [p for p in module.parameters() if p.requires_grad]
    groups: Iterable[tuple[list[nn.Parameter], float]] = (
        ([p for p in trainable if p.ndim >= 2], weight_decay),
        ([p for p in trainable if p.ndim < 2], 0.0),
    )
    return [{"params": params, "weight_decay": decay} for params, decay in groups if params]
