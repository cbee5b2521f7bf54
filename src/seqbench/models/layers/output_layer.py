"""The layer over a vocabulary, and its cross-entropy without all logits at once."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.batch import IGNORED
from seqbench.models.layers.precision import arithmetic_of, at_least_single

CHUNK_ELEMENTS = 1 << 22
"""Logits that are in memory at a time: 16 MB in single precision."""


class OutputLayer(nn.Module):
    """Scores of every token of a vocabulary, logits = W p(h) + b, p a projection where asked for.

    Losses are computed some positions at a time: memory grows with the vocabulary or with the
    number of positions, not with their product.

    Args:
        d_input: width of the hidden vectors.
        vocab_size: V.
        tied: the matrix of input embeddings, V x E, to be used as W (Press & Wolf 2017, Using the
            Output Embedding; Inan et al. 2017); where E is not `d_input`, p brings the vectors to
            that width. None gives a matrix of its own and no projection.
    """

    def __init__(self, *, d_input: int, vocab_size: int, tied: Tensor | None = None) -> None:
        super().__init__()
        self.project: nn.Module = nn.Identity()
        if tied is None:
            bound = 1 / math.sqrt(d_input)
            tied = nn.Parameter(torch.empty(vocab_size, d_input).uniform_(-bound, bound))
        elif tied.shape[1] != d_input:
            self.project = nn.Linear(d_input, tied.shape[1], bias=False)
        self.weight_VD = tied
        self.bias_V = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, hidden_ND: Tensor) -> Tensor:
        """logits_NV of some vectors."""
        return F.linear(self.project(hidden_ND), self.weight_VD, self.bias_V)

    def loss_sum(self, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
        """The cross-entropy summed over the targets that are not IGNORED, in nats; a scalar.

        It is in single precision, in double where the vectors are.
        """
        total: Tensor = _LossSum.apply(
            self.project(hidden_ND), self.weight_VD, self.bias_V, targets_N
        )  # type: ignore[no-untyped-call]
        return total

    def losses(self, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
        """The cross-entropy of every target in nats, precision likewise; 0 where it is IGNORED."""
        projected_ND, found = self.project(hidden_ND), []
        rows = _rows_at_a_time(len(self.bias_V))
        for start in range(0, len(targets_N), rows):
            hidden_RD, targets_R = (
                projected_ND[start : start + rows],
                targets_N[start : start + rows],
            )
            logits_RV = F.linear(hidden_RD, self.weight_VD, self.bias_V)
            logits_RV = logits_RV.to(at_least_single(logits_RV.dtype))
            found.append(
                F.cross_entropy(logits_RV, targets_R, ignore_index=IGNORED, reduction="none")
            )
        return torch.cat(found)


class _LossSum(torch.autograd.Function):
    """Summed cross-entropy of a linear layer; logits and gradients in one go, chunk after chunk.

    The gradient of a sum is a multiple of what it is at 1, so it can be computed along with the
    loss and scaled later: no logits are kept, and none are computed twice. Until then it is kept in
    single precision at least: 16 bits may not hold what it is before it is scaled.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor, targets_N: Tensor
    ) -> Tensor:
        hidden_needs, weight_needs, bias_needs, _ = ctx.needs_input_grad
        ctx.dtypes = (hidden_ND.dtype, weight_VD.dtype, bias_V.dtype)
        multiplied = arithmetic_of(hidden_ND)
        summed = at_least_single(hidden_ND.dtype)
        total = hidden_ND.new_zeros((), dtype=summed)
        d_hidden_ND = torch.empty_like(hidden_ND, dtype=summed) if hidden_needs else None
        d_weight_VD = torch.zeros_like(weight_VD, dtype=summed) if weight_needs else None
        d_bias_V = torch.zeros_like(bias_V, dtype=summed) if bias_needs else None
        weight_VD = weight_VD.to(multiplied)
        rows = _rows_at_a_time(len(bias_V))
        for start in range(0, len(hidden_ND), rows):
            part = slice(start, start + rows)
            hidden_RD, targets_R = hidden_ND[part].to(multiplied), targets_N[part]
            log_RV = F.linear(hidden_RD, weight_VD).to(summed)
            log_RV = (log_RV + bias_V).log_softmax(-1)
            total += F.nll_loss(log_RV, targets_R, ignore_index=IGNORED, reduction="sum")
            if d_hidden_ND is None and d_weight_VD is None and d_bias_V is None:
                continue
            scored_R = targets_R != IGNORED
            d_logits_RV = log_RV.exp_() * scored_R[:, None]
            rows_R = torch.arange(len(targets_R), device=targets_R.device)
            d_logits_RV[rows_R, targets_R.clamp(min=0)] -= scored_R.to(d_logits_RV.dtype)
            if d_bias_V is not None:
                d_bias_V += d_logits_RV.sum(0)
            if d_hidden_ND is not None:
                d_hidden_ND[part] = _product(d_logits_RV, weight_VD)
            if d_weight_VD is not None:
                d_weight_VD += _product(d_logits_RV.T, hidden_RD)
        ctx.gradients = (d_hidden_ND, d_weight_VD, d_bias_V)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        scaled = (
            None if part is None else (part * outer[0]).to(dtype)
            for part, dtype in zip(ctx.gradients, ctx.dtypes, strict=True)
        )
        return (*scaled, None)


def _product(left_NK: Tensor, right_KM: Tensor) -> Tensor:
    """The product in the precision of `left`, multiplied in that of `right`.

    Half precision ends at 65,504 and at 6e-8. So each row of `left` is brought to a sum of 1 before
    and back afterwards: then no product exceeds the largest number in `right`, and none vanishes
    because all of its row is small.
    """
    if right_KM.dtype != torch.float16:
        return (left_NK.to(right_KM.dtype) @ right_KM).to(left_NK.dtype)
    sums_N1 = left_NK.abs().sum(1, keepdim=True).clamp(min=torch.finfo(left_NK.dtype).tiny)
    return ((left_NK / sums_N1).to(right_KM.dtype) @ right_KM) * sums_N1


def _rows_at_a_time(vocab_size: int) -> int:
    return max(1, CHUNK_ELEMENTS // vocab_size)
