"""The multilayer perceptron over the mean of the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from seqbench.domains import NonNegativeInt, PositiveInt, Probability
from seqbench.models.encoder import Encoded, Encoder, PoolingKind, State
from seqbench.models.layers.activations import ACTIVATIONS
from seqbench.models.layers.pooling import masked_mean
from seqbench.models.widths import Widths


class MLP(Encoder):
    """Deep averaging network: the mean of the vectors through dense layers; one position comes out.

    Iyyer et al. 2015 (Deep Unordered Composition Rivals Syntactic Methods, section 2). There tanh
    layers, word dropout as in LearnedEmbedding. With counts it is a plain perceptron with layers.

    Args:
        d_input: width of the vectors that come in.
        d_hidden: width of every dense layer.
        num_layers: number of dense layers; 0 leaves the mean as it is.
        activation: after each layer, "relu", "tanh" or "gelu".
        dropout: share of elements dropped after each layer in training.
    """

    default_pooling: ClassVar[PoolingKind] = "mean"

    def __init__(
        self,
        *,
        d_input: PositiveInt,
        d_hidden: PositiveInt = 128,
        num_layers: NonNegativeInt = 1,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        dropout: Probability = 0.0,
    ) -> None:
        super().__init__()
        self.d_input = d_input
        self.d_output = d_hidden if num_layers else d_input
        layers: list[nn.Module] = []
        for index in range(num_layers):
            layers.append(nn.Linear(d_hidden if index else d_input, d_hidden))
            layers += [ACTIVATIONS[activation](), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)

    @classmethod
    def widths(cls, arguments: Mapping[str, Any]) -> Widths | None:
        """See Encoder; without layers it has none."""
        return Widths(names=("d_hidden",)) if arguments["num_layers"] else None

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, state: State | None = None) -> Encoded:
        """See Encoder; T of what comes out is 1."""
        self.check_state(state)
        mean_BD = masked_mean(x_BTD, mask_BT)
        return Encoded(self.layers(mean_BD)[:, None], mask_BT[:, :1])
