"""What all recurrent encoders share: depth, direction, dropout and state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seqbench.models.encoder import Encoded, Encoder, PoolingKind, State
from seqbench.models.layers.locked_dropout import LockedDropout
from seqbench.models.layers.recurrent_layer import RecurrentLayer
from seqbench.models.layers.reverse import reverse_within
from seqbench.models.widths import Widths


class RecurrentEncoder(Encoder):
    """A stack of recurrent layers; read in both directions, each layer is a pair.

    Reading both ways follows Schuster and Paliwal 1997 (section III): the next layer sees both
    halves. The state lists each layer's parts in turn, from the bottom up.

    Args:
        d_input: width of the vectors that come in.
        d_hidden: width of each direction's hidden state.
        num_layers: depth.
        bidirectional: read from right to left, too; the output is twice as wide, and not causal.
        dropout: share of single elements dropped from every layer's output in training.
        locked_dropout: share of features dropped likewise, the same at all positions.
        weight_drop: share of recurrent weights set to zero in training; see RecurrentLayer.
        make_layer: makes one layer of one direction from its input width.
    """

    default_pooling: ClassVar[PoolingKind] = "max"

    def __init__(
        self,
        *,
        d_input: int,
        d_hidden: int,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
        locked_dropout: float,
        weight_drop: float,
        make_layer: Callable[[int], RecurrentLayer],
    ) -> None:
        super().__init__()
        self.d_input = d_input
        self.d_hidden = d_hidden
        self.d_output = d_hidden * (2 if bidirectional else 1)
        self.bidirectional = bidirectional
        self.causal = not bidirectional
        widths = [d_input] + [self.d_output] * (num_layers - 1)
        self.forward_layers = nn.ModuleList([make_layer(width) for width in widths])
        self.backward_layers = nn.ModuleList(
            [make_layer(width) for width in widths] if bidirectional else []
        )
        for layer in (*self.forward_layers, *self.backward_layers):
            assert isinstance(layer, RecurrentLayer)
            layer.weight_drop = weight_drop
        self.dropout = nn.Sequential(LockedDropout(rate=locked_dropout), nn.Dropout(dropout))

    @classmethod
    def widths(cls, arguments: Mapping[str, Any]) -> Widths | None:
        """See Encoder."""
        return Widths(names=("d_hidden",))

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, state: State | None = None) -> Encoded:
        """See Encoder."""
        self.check_state(state)
        lengths_B = mask_BT.sum(1)
        after: State = ()
        hidden_BTD = x_BTD
        for index, layer in enumerate(self.forward_layers):
            inputs_BTD = hidden_BTD
            first = index * self._width
            before = None if state is None else state[first : first + self._width]
            hidden_BTD, parts = layer(inputs_BTD, lengths_B, before)
            after += parts or ()
            if self.bidirectional:
                backward_BTD = self._backward(index, inputs_BTD, lengths_B)
                hidden_BTD = torch.cat([hidden_BTD, backward_BTD], dim=2)
            hidden_BTD = self.dropout(hidden_BTD)
        return Encoded(hidden_BTD, mask_BT, None if state is None else after)

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """Zeros_BD for every part of every layer's state."""
        if self.bidirectional:
            return super().initial_state(batch_size, device)
        zero_BD = self.zeros(batch_size, self.d_hidden, device=device)
        return (zero_BD,) * (self._width * len(self.forward_layers))

    @property
    def _width(self) -> int:
        """Tensors in one layer's state."""
        layer = self.forward_layers[0]
        assert isinstance(layer, RecurrentLayer)
        return layer.num_states

    def _backward(self, index: int, x_BTD: Tensor, lengths_B: Tensor) -> Tensor:
        """The backward layer at this depth, its output back in the order of the input."""
        hidden_BTD, _ = self.backward_layers[index](
            reverse_within(x_BTD, lengths_B), lengths_B, None
        )
        return reverse_within(hidden_BTD, lengths_B)
