"""Long short-term memory."""

from __future__ import annotations

from seqbench.domains import PositiveInt, Probability
from seqbench.models.layers.recurrent_encoder import RecurrentEncoder
from seqbench.models.layers.recurrent_layer import FusedLSTMLayer


class LSTM(RecurrentEncoder):
    """LSTM: a cell state that gates write to, keep and read from.

    Hochreiter and Schmidhuber 1997 (Long Short-Term Memory, section 4), with the forget gate of
    Gers et al. 2000 (Learning to Forget, section 3) and without peepholes. Torch's fused cell:
    every gate has two biases where one would do. Those of the forget gate begin at 1 in sum.

    Args:
        d_input: width of the vectors that come in.
        d_hidden: width of each direction's hidden state.
        num_layers: depth.
        bidirectional: read from right to left, too; the output is twice as wide, and not causal.
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
        dropout: Probability = 0.0,
        locked_dropout: Probability = 0.0,
        weight_drop: Probability = 0.0,
    ) -> None:
        super().__init__(
            d_input=d_input,
            d_hidden=d_hidden,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            locked_dropout=locked_dropout,
            weight_drop=weight_drop,
            make_layer=lambda width: FusedLSTMLayer(d_input=width, d_hidden=d_hidden),
        )
