"""LSTM whose gates see the cell state."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqbench.domains import PositiveInt, Probability
from seqbench.models.encoder import State
from seqbench.models.layers.activations import ACTIVATIONS
from seqbench.models.layers.recurrent_encoder import RecurrentEncoder
from seqbench.models.layers.recurrent_init import init_gates
from seqbench.models.layers.recurrent_layer import SteppedLayer


class PeepholeLSTM(RecurrentEncoder):
    """LSTM with peephole connections and a choice of activations.

    Gers and Schmidhuber 2000 (Recurrent Nets that Time and Count, section 2): input and forget gate
    see the cell state before the step, the output gate sees it after. As there, a peephole weight
    is one number a cell. Departure: gradients flow through the peepholes; the paper cut them.

    Args:
        d_input: width of the vectors that come in.
        d_hidden: width of each direction's hidden state.
        num_layers: depth.
        bidirectional: read from right to left, too; the output is twice as wide, and not causal.
        gate_activation: of the three gates, "sigmoid" or its piecewise linear form "hard_sigmoid".
        cell_activation: of what is written and of what is read, "tanh" or "relu".
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
        gate_activation: Literal["sigmoid", "hard_sigmoid"] = "sigmoid",
        cell_activation: Literal["tanh", "relu"] = "tanh",
        dropout: Probability = 0.0,
        locked_dropout: Probability = 0.0,
        weight_drop: Probability = 0.0,
    ) -> None:
        def make_layer(width: int) -> PeepholeLayer:
            return PeepholeLayer(
                d_input=width,
                d_hidden=d_hidden,
                gate_activation=gate_activation,
                cell_activation=cell_activation,
            )

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


class PeepholeLayer(SteppedLayer):
    """One layer. Gates in torch's order: input, forget, candidate, output; the state is (h, c).

    Args:
        d_input: width of the vectors that come in.
        d_hidden: width of the hidden and of the cell state.
        gate_activation: "sigmoid" or "hard_sigmoid".
        cell_activation: "tanh" or "relu".
    """

    num_states = 2

    def __init__(
        self, *, d_input: int, d_hidden: int, gate_activation: str, cell_activation: str
    ) -> None:
        super().__init__()
        self.d_hidden = d_hidden
        self.input_GI = nn.Parameter(torch.empty(4 * d_hidden, d_input))
        self.recurrent_GD = nn.Parameter(torch.empty(4 * d_hidden, d_hidden))
        self.bias_G = nn.Parameter(torch.empty(4 * d_hidden))
        self.peephole_input_D = nn.Parameter(torch.zeros(d_hidden))
        self.peephole_forget_D = nn.Parameter(torch.zeros(d_hidden))
        self.peephole_output_D = nn.Parameter(torch.zeros(d_hidden))
        self.gate = ACTIVATIONS[gate_activation]()
        self.activation = ACTIVATIONS[cell_activation]()
        init_gates(self.input_GI, self.recurrent_GD, self.bias_G)
        nn.init.ones_(self.bias_G[d_hidden : 2 * d_hidden])

    def project(self, x_BTD: Tensor) -> Tensor:
        """The input's part of every gate."""
        return F.linear(x_BTD, self.input_GI, self.bias_G)

    def cell(self, gates_BG: Tensor, state: State, recurrent_GD: Tensor) -> State:
        """The hidden and the cell state after one position."""
        hidden_BD, cell_BD = state
        gates_BG = torch.addmm(gates_BG, hidden_BD, recurrent_GD.T)
        write_BD, keep_BD, new_BD, read_BD = gates_BG.chunk(4, dim=1)
        write_BD = self.gate(torch.addcmul(write_BD, cell_BD, self.peephole_input_D))
        keep_BD = self.gate(torch.addcmul(keep_BD, cell_BD, self.peephole_forget_D))
        cell_BD = keep_BD * cell_BD + write_BD * self.activation(new_BD)
        read_BD = self.gate(torch.addcmul(read_BD, cell_BD, self.peephole_output_D))
        return read_BD * self.activation(cell_BD), cell_BD
