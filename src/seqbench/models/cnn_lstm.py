"""Convolution first, LSTM over what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from seqbench.domains import PositiveInt, Probability
from seqbench.errors import ConfigError
from seqbench.models.encoder import Encoded, Encoder, PoolingKind, State
from seqbench.models.layers.activations import ACTIVATIONS
from seqbench.models.layers.convolution import Convolution
from seqbench.models.layers.max_pool import max_pool
from seqbench.models.lstm import LSTM
from seqbench.models.widths import Widths


class CNNLSTM(Encoder):
    """Convolution, optional max pooling over neighbours, then an LSTM over the shorter sequence.

    Zhou et al. 2015 (A C-LSTM Neural Network for Text Classification, section 3), which does
    without pooling; with it the LSTM has fewer steps to take.

    Args:
        d_input: width of the vectors that come in.
        channels: channels of the convolution.
        kernel_size: width of its kernel in positions.
        activation: after the convolution, "relu", "tanh" or "gelu".
        pool: positions of which max pooling makes one; 1 for none.
        d_hidden: width of each direction's hidden state.
        num_layers: depth of the LSTM.
        bidirectional: read the LSTM from right to left, too; the output is twice as wide.
        causal: whether position t sees positions <= t only; needs pool=1 and one direction.
        dropout: share of elements dropped after convolution and every LSTM layer in training.
        locked_dropout: share of features dropped after every LSTM layer, the same at all positions.
        weight_drop: share of the LSTM's recurrent weights set to zero in training, the same ones
            throughout a batch (Merity et al. 2018, section 2).

    Raises:
        ConfigError: causal along with pooling or two directions.
    """

    default_pooling: ClassVar[PoolingKind] = "max"

    def __init__(
        self,
        *,
        d_input: PositiveInt,
        channels: PositiveInt = 128,
        kernel_size: PositiveInt = 5,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        pool: PositiveInt = 2,
        d_hidden: PositiveInt = 128,
        num_layers: PositiveInt = 1,
        bidirectional: bool = False,
        causal: bool = False,
        dropout: Probability = 0.0,
        locked_dropout: Probability = 0.0,
        weight_drop: Probability = 0.0,
    ) -> None:
        super().__init__()
        if causal and pool > 1:
            raise ConfigError(
                "model.pool",
                expected="1 with model.causal=true",
                got=str(pool),
                remedy="a pooled position would see the next one: set model.pool=1",
            )
        if causal and bidirectional:
            raise ConfigError(
                "model.bidirectional",
                expected="false with model.causal=true",
                got="true",
                remedy="set one of the two to false",
            )
        self.d_input = d_input
        self.causal = causal
        self.bidirectional = bidirectional
        self.pool = pool
        self.convolution = Convolution(
            d_input=d_input, channels=channels, kernel_sizes=[kernel_size], causal=causal
        )
        self.activation = nn.Sequential(ACTIVATIONS[activation](), nn.Dropout(dropout))
        self.lstm = LSTM(
            d_input=channels,
            d_hidden=d_hidden,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            locked_dropout=locked_dropout,
            weight_drop=weight_drop,
        )
        self.d_output = self.lstm.d_output

    @classmethod
    def widths(cls, arguments: Mapping[str, Any]) -> Widths | None:
        """See Encoder: convolution and LSTM keep their proportion."""
        return Widths(names=("d_hidden", "channels"))

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, state: State | None = None) -> Encoded:
        """See Encoder; T of what comes out is ceil(T / pool)."""
        self.check_state(state)
        past_BKD, before = (None, None) if state is None else (state[0], state[1:])
        hidden_BTD, past_BKD = self.convolution(x_BTD, mask_BT, past_BKD)
        hidden_BTD, mask_BT = max_pool(self.activation(hidden_BTD), mask_BT, self.pool)
        hidden_BTD, mask_BT, after = self.lstm(hidden_BTD, mask_BT, before)
        if past_BKD is None or after is None:
            return Encoded(hidden_BTD, mask_BT)
        return Encoded(hidden_BTD, mask_BT, (past_BKD, *after))

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """The inputs that the kernel still sees, then the LSTM's state: zeros."""
        if not self.causal:
            return super().initial_state(batch_size, device)
        past_BKD = self.zeros(batch_size, self.convolution.reach, self.d_input, device=device)
        return (past_BKD, *self.lstm.initial_state(batch_size, device))
