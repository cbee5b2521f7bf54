"""Pooling: one vector out of a sequence of vectors."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from seqbench.errors import ConfigError

KINDS = ("last", "mean", "max", "attention")


class Pooling(nn.Module):
    """Reads one vector out of a padded sequence; padding has no part in it.

    "last" is the vector after the whole sequence was read: the last valid position or, with a
    bidirectional encoder, the forward half there beside the backward half at position 0.
    "attention" is a learned weighted mean (Yang et al. 2016, Hierarchical Attention Networks for
    Document Classification, equations 5 to 7).

    Args:
        kind: "last", "mean", "max" or "attention".
        d_input: width of the vectors, in and out.
        bidirectional: whether the second half of each vector was read from right to left.

    Raises:
        ConfigError: `kind` is none of the four.
    """

    def __init__(
        self,
        *,
        kind: Literal["last", "mean", "max", "attention"],
        d_input: int,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ConfigError("task.pooling", expected=f"one of {', '.join(KINDS)}", got=str(kind))
        self.kind = kind
        self.bidirectional = bidirectional
        if kind == "attention":
            self.project = nn.Linear(d_input, d_input)
            self.query_D = nn.Parameter(torch.randn(d_input) / math.sqrt(d_input))

    def forward(self, hidden_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """The vector_BD of each row; a row without any valid position gives zeros where it can."""
        if self.kind == "last":
            return self._last(hidden_BTD, mask_BT)
        if self.kind == "mean":
            return masked_mean(hidden_BTD, mask_BT)
        if self.kind == "max":
            lowest = torch.finfo(hidden_BTD.dtype).min
            return hidden_BTD.masked_fill(~mask_BT[..., None], lowest).amax(dim=1)
        return self._attention(hidden_BTD, mask_BT)

    def _last(self, hidden_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        index_B = (mask_BT.sum(1) - 1).clamp(min=0)
        rows_B = torch.arange(len(index_B), device=index_B.device)
        last_BD = hidden_BTD[rows_B, index_B]
        if not self.bidirectional:
            return last_BD
        half = hidden_BTD.shape[2] // 2
        return torch.cat([last_BD[:, :half], hidden_BTD[:, 0, half:]], dim=1)

    def _attention(self, hidden_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        scores_BT = torch.tanh(self.project(hidden_BTD)) @ self.query_D
        lowest = torch.finfo(scores_BT.dtype).min
        weights_BT = scores_BT.masked_fill(~mask_BT, lowest).softmax(dim=1)
        clean_BTD = hidden_BTD.masked_fill(~mask_BT[..., None], 0.0)
        return torch.einsum("bt,btd->bd", weights_BT, clean_BTD)


def masked_mean(x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """Mean_BD over the valid positions; zeros for a row that has none."""
    sum_BD = x_BTD.masked_fill(~mask_BT[..., None], 0.0).sum(1)
    return sum_BD / mask_BT.sum(1, keepdim=True).clamp(min=1)
