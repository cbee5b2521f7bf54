"""The simple recurrent network."""

from __future__ import annotations

from typing import Literal

from torch import nn

from seqbench.domains import PositiveInt, Probability
from seqbench.models.layers.recurrent_encoder import RecurrentEncoder
from seqbench.models.layers.recurrent_layer import FusedLayer


class RNN(RecurrentEncoder):
    """Simple recurrent network: h_t = activation(W x_t + U h_(t-1) + b).

    Elman 1990 (Finding Structure in Time, "Networks with Memory"); there the activation was the
    logistic function. Torch's fused cell, which has two biases where one would do.

    Args:
        d_input: width of the vectors that come in.
        d_hidden: width of each direction's hidden state.
        num_layers: depth.
        bidirectional: read from right to left, too; the output is twice as wide, and not causal.
        activation: "tanh" or "relu".
        dropout: share of single elements dropped from every layer's output in training.
        locked_dropout: share of features dropped likewise, the same at all positions.
        weight_drop: share of recurrent weights set to zero in training, the same ones throughout a
            batch (Merity et al. 2018, section 2).
    """

    def __init__(
        self,
        *,
        d_input: PositiveInt,
        d_hidden: PositiveInt = 128,
        num_layers: PositiveInt = 1,
        bidirectional: bool = False,
        activation: Literal["tanh", "relu"] = "tanh",
        dropout: Probability = 0.0,
        locked_dropout: Probability = 0.0,
        weight_drop: Probability = 0.0,
    ) -> None:
        def make_layer(width: int) -> FusedLayer:
            rnn = nn.RNN(width, d_hidden, nonlinearity=activation, batch_first=True)
            return FusedLayer(rnn=rnn)

        super().__init__(
            d_input=d_input,
            d_hidden=d_hidden,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            locked_dropout=locked_dropout,
            weight_drop=weight_drop,
            make_layer=make_layer,
        )
