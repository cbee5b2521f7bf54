"""The convolutional network for text."""

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
from seqbench.models.widths import Widths


class CNN(Encoder):
    """Kernels of several widths in parallel; made for max pooling over time.

    Kim 2014 (Convolutional Neural Networks for Sentence Classification, section 2). Departures:
    zeros stand beyond both ends, so that a text shorter than a kernel is read, too, and T stays;
    layers can be stacked; and `causal` lets no kernel look ahead, for language modelling.

    Args:
        d_input: width of the vectors that come in.
        channels: channels of each kernel width; the output is this times the number of widths.
        kernel_sizes: kernel widths in positions.
        num_layers: depth.
        activation: "relu", "tanh" or "gelu".
        causal: whether a kernel ends at its position instead of being centred on it.
        dropout: share of elements dropped from every layer's output in training.

    Raises:
        ConfigError: no kernel sizes, or one below 1.
    """

    default_pooling: ClassVar[PoolingKind] = "max"

    def __init__(
        self,
        *,
        d_input: PositiveInt,
        channels: PositiveInt = 100,
        kernel_sizes: list[int] = [3, 4, 5],  # noqa: B006
        num_layers: PositiveInt = 1,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        causal: bool = False,
        dropout: Probability = 0.0,
    ) -> None:
        super().__init__()
        if not kernel_sizes or min(kernel_sizes) < 1:
            raise ConfigError(
                "model.kernel_sizes", expected="one or more widths >= 1", got=str(kernel_sizes)
            )
        self.d_input = d_input
        self.d_output = channels * len(kernel_sizes)
        self.causal = causal
        self.reach = max(kernel_sizes) - 1
        self.layers = nn.ModuleList(
            [
                Convolution(
                    d_input=self.d_output if index else d_input,
                    channels=channels,
                    kernel_sizes=list(kernel_sizes),
                    causal=causal,
                )
                for index in range(num_layers)
            ]
        )
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)

    @classmethod
    def widths(cls, arguments: Mapping[str, Any]) -> Widths | None:
        """See Encoder."""
        return Widths(names=("channels",))

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, state: State | None = None) -> Encoded:
        """See Encoder."""
        self.check_state(state)
        after: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            x_BTD, past_BKD = layer(x_BTD, mask_BT, None if state is None else state[index])
            x_BTD = self.dropout(self.activation(x_BTD))
            if past_BKD is not None:
                after.append(past_BKD)
        return Encoded(x_BTD, mask_BT, None if state is None else tuple(after))

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """For each layer the inputs that its widest kernel still sees: zeros_BKD."""
        if not self.causal:
            return super().initial_state(batch_size, device)
        widths = [self.d_input] + [self.d_output] * (len(self.layers) - 1)
        return tuple(self.zeros(batch_size, self.reach, width, device=device) for width in widths)
