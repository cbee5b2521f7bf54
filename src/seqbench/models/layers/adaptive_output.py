"""A layer over a large vocabulary that spends little on rare words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from seqbench.batch import IGNORED
from seqbench.errors import ConfigError
from seqbench.models.layers.precision import at_least_single

SHRINK = 4
"""How many times narrower each cluster is than the one before, the first than the vectors."""

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

    Raises:
        ConfigError: so many clusters that the last has no width left.
    """

    def __init__(self, *, d_input: int, vocab_size: int, cutoffs: list[int]) -> None:
        super().__init__()
        narrowest = SHRINK ** len(cutoffs)
        if d_input < narrowest:
            raise ConfigError(
                "task.cutoffs",
                expected=f"vectors of width {narrowest} or more for {len(cutoffs)} clusters, each "
                f"{SHRINK} times narrower than the one before",
                got=f"width {d_input}",
                remedy="leave out cutoffs, or widen the model",
            )
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
            d_input, vocab_size, cutoffs=cutoffs, div_value=float(SHRINK), head_bias=True
        )

    def forward(self, hidden_BTD: Tensor) -> Tensor:
        """log_probabilities_BTV, which are logits too; B, T or both may be left out."""
        hidden_ND = hidden_BTD.reshape(-1, hidden_BTD.shape[-1])
        with self._single_at_least(hidden_ND) as whole_ND:
            logs_NV = self.softmax.log_prob(whole_ND)
        return logs_NV.reshape(*hidden_BTD.shape[:-1], -1)

    def loss_sum(self, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
        """The cross-entropy summed over the targets that are not IGNORED, in nats; a scalar.

        It is in single precision, in double where the vectors are.
        """
        scored_N = targets_N != IGNORED
        return -self._logs(hidden_ND[scored_N], targets_N[scored_N]).sum()

    def losses(self, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
        """The cross-entropy of every target in nats, precision likewise; 0 where it is IGNORED."""
        losses_N = hidden_ND.new_zeros(len(targets_N), dtype=at_least_single(hidden_ND.dtype))
        for start in range(0, len(targets_N), CHUNK):
            part = slice(start, start + CHUNK)
            scored = targets_N[part] != IGNORED
            if scored.any():
                found = -self._logs(hidden_ND[part][scored], targets_N[part][scored])
                losses_N[part] = losses_N[part].masked_scatter(scored, found)
        return losses_N

    def _logs(self, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
        """The logarithm of every target's probability."""
        with self._single_at_least(hidden_ND) as whole_ND:
            found: Tensor = self.softmax(whole_ND, targets_N).output
        return found

    @contextlib.contextmanager
    def _single_at_least(self, hidden_ND: Tensor) -> Iterator[Tensor]:
        """The vectors; inside the block nothing is in 16 bits, which torch's module cannot mix."""
        with torch.autocast(hidden_ND.device.type, enabled=False):
            yield hidden_ND.to(at_least_single(hidden_ND.dtype))
