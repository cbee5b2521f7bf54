"""Metrics that torchmetrics lacks, as torchmetrics objects."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class WeightedMean(Metric):
    """A mean of sums: the total over the total weight, over all updates and processes.

    Its own class because `torchmetrics.MeanMetric` looks for NaN at each update, which makes the
    host wait for the device; a loss that is NaN must come out as NaN anyway.
    """

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("weight", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, total: Tensor, weight: Tensor) -> None:
        """Add a sum and its weight, both scalars."""
        self.total += total
        self.weight += weight

    def compute(self) -> Tensor:
        """The mean; NaN if nothing was added."""
        return self.total / self.weight
