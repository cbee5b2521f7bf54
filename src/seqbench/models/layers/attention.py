"""Multi-head self-attention, with a key-value cache."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.models.layers.positions import RotaryPositions


class SelfAttention(nn.Module):
    """Every position looks at every other it may see, in several heads.

    Vaswani et al. 2017 (Attention Is All You Need, section 3.2.2). As there, the projections have
    no biases (that of the keys could not change anything: the softmax cancels it), and no attention
    weight is dropped, which would also cost torch's fast kernel.

    Args:
        d_model: width of the vectors.
        num_heads: heads; divides `d_model`.
        rotary: turns queries and keys by their positions, where that is wanted.
    """

    def __init__(self, *, d_model: int, num_heads: int, rotary: RotaryPositions | None) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.rotary = rotary
        self.query_key_value = nn.Linear(d_model, 3 * d_model, bias=False)
        self.output = nn.Linear(d_model, d_model, bias=False)
        for weight_DD in self.query_key_value.weight.chunk(3):
            nn.init.xavier_uniform_(weight_DD)
        nn.init.xavier_uniform_(self.output.weight)

    def forward(
        self,
        x_BTD: Tensor,
        positions_BT: Tensor,
        visible: Tensor | None,
        past: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The attended vectors, and keys and values of all positions so far.

        Args:
            x_BTD: vectors.
            positions_BT: their positions.
            visible: bool, True where a query may see a key; broadcasts to B H T S. None: a query
                sees all keys up to its own, and `past` is None.
            past: keys_BHSD and values_BHSD of earlier positions.
        """
        split = self.query_key_value(x_BTD).unflatten(2, (3, self.num_heads, -1))
        split = split.permute(2, 0, 3, 1, 4)
        query_BHTD, key_BHSD, value_BHSD = split
        if self.rotary is not None:
            query_BHTD, key_BHSD = self.rotary(split[:2], positions_BT)  # one set of angles
        if past is not None:
            key_BHSD = torch.cat([past[0], key_BHSD], dim=2)
            value_BHSD = torch.cat([past[1], value_BHSD], dim=2)
        attended_BHTD = F.scaled_dot_product_attention(
            query_BHTD,
            key_BHSD,
            value_BHSD,
            attn_mask=visible,
            is_causal=visible is None,
        )
        return self.output(attended_BHTD.transpose(1, 2).flatten(2)), (key_BHSD, value_BHSD)
