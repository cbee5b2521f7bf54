"""The gated recurrent unit."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.domains import PositiveInt, Probability
from seqbench.models.encoder import State
from seqbench.models.layers.recurrent_encoder import RecurrentEncoder
from seqbench.models.layers.recurrent_init import init_gates
from seqbench.models.layers.recurrent_layer import FusedLayer, RecurrentLayer, SteppedLayer


class GRU(RecurrentEncoder):
    """Gated recurrent unit: a reset gate, an update gate, and no cell state.

    Cho et al. 2014 (Learning Phrase Representations using RNN Encoder-Decoder, section 2.3). The
    update gate z keeps the old state: h_t = z h_(t-1) + (1 - z) n. Where the reset gate r acts:

    - "before" the matrix product, the paper and textbooks: n = tanh(W x + U (r h) + b);
    - "after" it, torch and cuDNN: n = tanh(W x + b + r (U h + c)): one product fewer in sequence.

    Args:
        d_input: width of the vectors that come in.
        d_hidden: width of each direction's hidden state.
        num_layers: depth.
        bidirectional: read from right to left, too; the output is twice as wide, and not causal.
        reset: where the reset gate acts, "before" or "after" the matrix product.
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
        reset: Literal["before", "after"] = "after",
        dropout: Probability = 0.0,
        locked_dropout: Probability = 0.0,
        weight_drop: Probability = 0.0,
    ) -> None:
        def make_layer(width: int) -> RecurrentLayer:
            if reset == "before":
                return ResetBeforeLayer(d_input=width, d_hidden=d_hidden)
            return FusedLayer(rnn=nn.GRU(width, d_hidden, batch_first=True))

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


class ResetBeforeLayer(SteppedLayer):
    """A GRU layer whose reset gate acts on the hidden state itself. Gates: reset, update, new.

    Args:
        d_input: width of the vectors that come in.
        d_hidden: width of the hidden state.
    """

    def __init__(self, *, d_input: int, d_hidden: int) -> None:
        super().__init__()
        self.d_hidden = d_hidden
        self.input_GI = nn.Parameter(torch.empty(3 * d_hidden, d_input))
        self.recurrent_GD = nn.Parameter(torch.empty(3 * d_hidden, d_hidden))
        self.bias_G = nn.Parameter(torch.empty(3 * d_hidden))
        init_gates(self.input_GI, self.recurrent_GD, self.bias_G)

    def project(self, x_BTD: Tensor) -> Tensor:
        """The input's part of every gate."""
        return F.linear(x_BTD, self.input_GI, self.bias_G)

    def cell(self, gates_BG: Tensor, state: State, recurrent_GD: Tensor) -> State:
        """The hidden state after one position."""
        (hidden_BD,) = state
        d_gates = 2 * self.d_hidden
        gates = torch.addmm(gates_BG[:, :d_gates], hidden_BD, recurrent_GD[:d_gates].T)
        reset_BD, update_BD = gates.sigmoid().chunk(2, dim=1)
        new_BD = torch.addmm(
            gates_BG[:, d_gates:], reset_BD * hidden_BD, recurrent_GD[d_gates:].T
        ).tanh()
        return (new_BD + update_BD * (hidden_BD - new_BD),)
