"""The predictions of a whole split, gathered over batches and processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from seqbench.batch import TokenBatch


class PredictionStore:
    """Collects predictions on the host while a split is evaluated."""

    def __init__(self) -> None:
        self._parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def clear(self) -> None:
        """Forget everything."""
        self._parts = []

    def add(self, batch: TokenBatch, probabilities_BC: Tensor) -> None:
        """Add a labelled batch."""
        if batch.labels_B is None:
            raise ValueError("predictions are scored against labels, and this batch has none")
        parts = (batch.rows_B, batch.labels_B, probabilities_BC, batch.lengths_B)
        self._parts.append(tuple(part.detach().cpu() for part in parts))  # type: ignore[arg-type]

    def gather(self) -> dict[str, NDArray[Any]]:
        """All predictions of all processes, sorted by row.

        Returns:
            rows, targets and lengths of shape N, and probabilities of shape (N, C).
        """
        parts = self._parts
        if dist.is_available() and dist.is_initialized():
            shared: list[list[tuple[Tensor, ...]]] = [[]] * dist.get_world_size()
            dist.all_gather_object(shared, parts)
            parts = [part for rank in shared for part in rank]  # type: ignore[misc]
        rows, targets, probabilities, lengths = (
            torch.cat(column) for column in zip(*parts, strict=True)
        )
        order = torch.argsort(rows, stable=True)
        return {
            "rows": rows[order].numpy(),
            "targets": targets[order].numpy(),
            "lengths": lengths[order].int().numpy(),
            "probabilities": probabilities[order].double().numpy(),
        }
