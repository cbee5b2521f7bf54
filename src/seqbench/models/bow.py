"""Bag of words: no encoder at all."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from seqbench.domains import PositiveInt
from seqbench.models.encoder import Encoded, Encoder, PoolingKind, State


class BagOfWords(Encoder):
    """Passes the input's vectors on: whatever pools them sees words without their order.

    With learned embeddings, mean pooling and a linear layer this is the classifier of Joulin et al.
    2017 (Bag of Tricks for Efficient Text Classification, section 2; fastText), without n-grams.
    With counts and a linear layer it is the perceptron. It has no parameters of its own.

    Args:
        d_input: width of the vectors, in and out.
    """

    default_pooling: ClassVar[PoolingKind] = "mean"

    def __init__(self, *, d_input: PositiveInt) -> None:
        super().__init__()
        self.d_input = d_input
        self.d_output = d_input

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, state: State | None = None) -> Encoded:
        """See Encoder."""
        self.check_state(state)
        return Encoded(x_BTD, mask_BT)
