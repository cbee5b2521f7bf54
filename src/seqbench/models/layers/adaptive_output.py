"""A layer over a large vocabulary that spends little on rare words."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqbench.batch import IGNORED

CHUNK = 4096
"""Positions whose log-probabilities are computed at a time."""


class AdaptiveOutput(nn.Module):
    """Adaptive softmax: frequent tokens by themselves, rarer ones in clusters of smaller width.

    Grave et al. 2017 (Efficient Softmax Approximation for GPUs, section 4); torch's own module.
    Probabilities are exact and sum to 1 over the vocabulary, so that losses can be compared with
    those of a full layer. Token ids must fall in frequency, as those of vocabularies by word do.

    Args:
        d_input: width of the hidden vectors.
        vocab_size: V.
        cutoffs: ids at which clusters begin, ascending, the first after the frequent tokens.
    """

    def __init__(self, *, d_input: int, vocab_size: int, cutoffs: list[int]) -> None:
        super().__init__()
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            d_input, vocab_size, cutoffs=cutoffs, div_value=4.0, head_bias=True
        )

    def forward(self, hidden_ND: Tensor) -> Tensor:
        """log_probabilities_NV, which are logits too."""
        return self.softmax.log_prob(hidden_ND)

    def loss_sum(self, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
        """The cross-entropy summed over the targets that are not IGNORED, in nats; a scalar."""
        scored_N = targets_N != IGNORED
        found: Tensor = self.softmax(hidden_ND[scored_N].float(), targets_N[scored_N]).output
        return -found.sum()

    def losses(self, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
        """The cross-entropy of every target in nats, float32; 0 where it is IGNORED."""
        losses_N = hidden_ND.new_zeros(len(targets_N), dtype=torch.float32)
        for start in range(0, len(targets_N), CHUNK):
            part = slice(start, start + CHUNK)
            scored = targets_N[part] != IGNORED
            if scored.any():
                hidden = hidden_ND[part][scored].float()
                found = -self.softmax(hidden, targets_N[part][scored]).output
                losses_N[part] = losses_N[part].masked_scatter(scored, found)
        return losses_N
