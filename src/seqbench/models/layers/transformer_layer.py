"""One layer of a Transformer: attention, then a dense layer at every position."""

from __future__ import annotations

from torch import Tensor, nn

from seqbench.models.layers.activations import ACTIVATIONS
from seqbench.models.layers.attention import SelfAttention
from seqbench.models.layers.positions import RotaryPositions


class TransformerLayer(nn.Module):
    """Self-attention and feed-forward sublayers, each with a residual connection and a norm.

    Vaswani et al. 2017 (section 3.1), norm "post": norm(x + sublayer(x)). Norm "pre" is
    x + sublayer(norm(x)) (Xiong et al. 2020, On Layer Normalization, section 3), which trains
    without a warm-up.

    Args:
        d_model: width of the vectors.
        num_heads: heads of attention.
        d_feedforward: width between the two dense layers.
        dropout: share of elements dropped from each sublayer's output in training (section 5.4).
        norm: "pre" or "post".
        activation: of the inner dense layer, "relu" or "gelu".
        rotary: turns queries and keys by their positions, where that is wanted.
    """

    def __init__(
        self,
        *,
        d_model: int,
        num_heads: int,
        d_feedforward: int,
        dropout: float,
        norm: str,
        activation: str,
        rotary: RotaryPositions | None,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.attention = SelfAttention(d_model=d_model, num_heads=num_heads, rotary=rotary)
        self.feedforward = nn.Sequential(
            nn.Linear(d_model, d_feedforward),
            ACTIVATIONS[activation](),
            nn.Linear(d_feedforward, d_model),
        )
        self.attention_norm = nn.LayerNorm(d_model)
        self.feedforward_norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)
        for module in self.feedforward:
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(
        self,
        x_BTD: Tensor,
        positions_BT: Tensor,
        visible: Tensor | None,
        past: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The layer's vectors, and keys and values so far; arguments as SelfAttention's."""
        if self.norm == "pre":
            normed_BTD = self.attention_norm(x_BTD)
            attended_BTD, present = self.attention(normed_BTD, positions_BT, visible, past)
            x_BTD = x_BTD + self.dropout(attended_BTD)
            dense_BTD = self.feedforward(self.feedforward_norm(x_BTD))
            return x_BTD + self.dropout(dense_BTD), present
        attended_BTD, present = self.attention(x_BTD, positions_BT, visible, past)
        x_BTD = self.attention_norm(x_BTD + self.dropout(attended_BTD))
        return self.feedforward_norm(x_BTD + self.dropout(self.feedforward(x_BTD))), present
