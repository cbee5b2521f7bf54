"""Dropout of whole words."""

from __future__ import annotations

from torch import Tensor, nn


class WordDropout(nn.Module):
    """Drops token types: every occurrence of a dropped word in the batch becomes the zero vector.

    "Embedding dropout" of Gal and Ghahramani 2016 (A Theoretically Grounded Application of Dropout
    in Recurrent Neural Networks, section 4.2), there drawn for each sequence. Here one draw serves
    the whole batch, as if rows of the embedding matrix were dropped (Merity et al. 2018).

    Args:
        rate: share of token types dropped in training; the others are scaled by 1 / (1 - rate).
        vocab_size: number of token types.
    """

    def __init__(self, *, rate: float, vocab_size: int) -> None:
        super().__init__()
        self.rate = rate
        self.vocab_size = vocab_size

    def forward(self, x_BTD: Tensor, ids_BT: Tensor) -> Tensor:
        """The vectors x_BTD of the tokens ids_BT, those of dropped types set to zero."""
        if not self.training or self.rate == 0.0:
            return x_BTD
        kept_V = x_BTD.new_empty(self.vocab_size).bernoulli_(1 - self.rate) / (1 - self.rate)
        return x_BTD * kept_V[ids_BT][..., None]
