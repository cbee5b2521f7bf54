"""The Transformer encoder, or decoder without cross-attention where causal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from seqbench.domains import PositiveInt, Probability
from seqbench.errors import ConfigError
from seqbench.models.encoder import Encoded, Encoder, PoolingKind, State
from seqbench.models.layers.positions import LearnedPositions, RotaryPositions, SinusoidalPositions
from seqbench.models.layers.transformer_layer import TransformerLayer
from seqbench.models.layers.visibility import PADDING, first_needed, positions_of, visible_back
from seqbench.models.widths import Widths


class Transformer(Encoder):
    """Layers of self-attention: every position reads all others, or all before it.

    Vaswani et al. 2017 (Attention Is All You Need, section 3). Departures: norms stand before the
    sublayers unless told otherwise, with one more at the end; a projection brings the input to
    `d_model` where its width is another. Vectors are scaled by sqrt(d_model) as in section 3.4.
    When causal, the state is a cache of keys and values: it grows with every position, unless a
    window bounds it.

    Args:
        d_input: width of the vectors that come in.
        d_model: width of the vectors throughout.
        num_heads: heads of attention.
        num_layers: depth.
        d_feedforward: width of the inner dense layer.
        norm: "pre" or "post" the sublayers.
        positions: "sinusoidal", "learned" or "rotary".
        max_positions: length limit of learned positions; the other two have none.
        activation: of the inner dense layer, "relu" or "gelu".
        causal: whether position t sees positions <= t only.
        window: positions that one sees at most when causal, its own among them, in every layer
            (Beltagy et al. 2020, Longformer, section 3.1); it bounds the cache. None for all.
        dropout: share of elements dropped from the input and from each sublayer in training.

    Raises:
        ConfigError: heads that do not divide the width, or an odd width where pairs are needed;
            a window without causal.
    """

    state_grows: ClassVar[bool] = True
    default_pooling: ClassVar[PoolingKind] = "mean"

    def __init__(
        self,
        *,
        d_input: PositiveInt,
        d_model: PositiveInt = 128,
        num_heads: PositiveInt = 4,
        num_layers: PositiveInt = 1,
        d_feedforward: PositiveInt = 256,
        norm: Literal["pre", "post"] = "pre",
        positions: Literal["sinusoidal", "learned", "rotary"] = "sinusoidal",
        max_positions: PositiveInt = 1024,
        activation: Literal["relu", "gelu"] = "relu",
        causal: bool = False,
        window: PositiveInt | None = None,
        dropout: Probability = 0.1,
    ) -> None:
        super().__init__()
        _check_widths(d_model, num_heads, positions)
        if window is not None and not causal:
            raise ConfigError(
                "model.window",
                expected="null unless model.causal=true",
                got=str(window),
                remedy="set model.causal=true or model.window=null",
            )
        self.d_input = d_input
        self.d_output = d_model
        self.num_heads = num_heads
        self.causal = causal
        self.window = window
        self.project = nn.Linear(d_input, d_model) if d_input != d_model else nn.Identity()
        self.positions: nn.Module | None = None
        if positions == "sinusoidal":
            self.positions = SinusoidalPositions(d_model=d_model)
        elif positions == "learned":
            self.positions = LearnedPositions(d_model=d_model, max_positions=max_positions)
        rotary = RotaryPositions(d_head=d_model // num_heads) if positions == "rotary" else None
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            [
                TransformerLayer(
                    d_model=d_model,
                    num_heads=num_heads,
                    d_feedforward=d_feedforward,
                    dropout=dropout,
                    norm=norm,
                    activation=activation,
                    rotary=rotary,
                )
                for _ in range(num_layers)
            ]
        )
        self.final_norm = nn.LayerNorm(d_model) if norm == "pre" else nn.Identity()
        if isinstance(self.project, nn.Linear):
            nn.init.xavier_uniform_(self.project.weight)
            nn.init.zeros_(self.project.bias)

    @classmethod
    def widths(cls, arguments: Mapping[str, Any]) -> Widths | None:
        """See Encoder: the dense layers keep their proportion to `d_model`."""
        heads, positions = arguments["num_heads"], arguments["positions"]
        return Widths(names=("d_model", "d_feedforward"), step=_step(heads, positions))

    def forward(self, x_BTD: Tensor, mask_BT: Tensor, state: State | None = None) -> Encoded:
        """See Encoder."""
        self.check_state(state)
        positions_BT = positions_BS = positions_of(mask_BT, None if state is None else state[0])
        if state is not None:
            positions_BS = torch.cat([state[0], positions_BT], dim=1)
        visible = self._visible(positions_BT, positions_BS)
        positions_BT = positions_BT.clamp(min=0)
        hidden_BTD = self.project(x_BTD) * math.sqrt(self.d_output)
        if self.positions is not None:
            hidden_BTD = self.positions(hidden_BTD, positions_BT)
        hidden_BTD = self.dropout(hidden_BTD)
        cache: list[tuple[Tensor, Tensor]] = []
        for index, layer in enumerate(self.layers):
            past = None if state is None else state[1 + 2 * index : 3 + 2 * index]
            hidden_BTD, present = layer(hidden_BTD, positions_BT, visible, past)
            cache.append(present)
        hidden_BTD = self.final_norm(hidden_BTD)
        after = None if state is None else self._state(positions_BS, cache)
        return Encoded(hidden_BTD, mask_BT, after)

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """An empty cache: positions_BS, then keys_BHSD and values_BHSD of each layer, S = 0."""
        if not self.causal:
            return super().initial_state(batch_size, device)
        positions_B0 = torch.zeros(batch_size, 0, dtype=torch.int64, device=device)
        d_head = self.d_output // self.num_heads
        empty_BH0D = self.zeros(batch_size, self.num_heads, 0, d_head, device=device)
        return (positions_B0, *[empty_BH0D] * (2 * len(self.layers)))

    def _state(self, positions_BS: Tensor, cache: list[tuple[Tensor, Tensor]]) -> State:
        """The cache, without what no later position will see."""
        first = 0 if self.window is None else first_needed(positions_BS, self.window)
        parts = (part_BHSD[:, :, first:] for layer in cache for part_BHSD in layer)
        return (positions_BS[:, first:], *parts)

    def _visible(self, positions_BT: Tensor, positions_BS: Tensor) -> Tensor | None:
        """Which key a query may see, B 1 T S; None where looking back is all there is to it."""
        if not self.causal:
            return (positions_BS != PADDING)[:, None, None]
        if positions_BS is positions_BT and self.window is None:
            # Padding stands on the right: no valid query would see it anyway.
            return None
        return visible_back(positions_BT, positions_BS, self.window)[:, None]


def _step(num_heads: int, positions: str) -> int:
    """What `d_model` must be a multiple of; see `_check_widths`."""
    if positions == "rotary":
        return 2 * num_heads
    return math.lcm(num_heads, 2) if positions == "sinusoidal" else num_heads


def _check_widths(d_model: int, num_heads: int, positions: str) -> None:
    if d_model % num_heads:
        raise ConfigError(
            "model.num_heads",
            expected=f"a divisor of model.d_model={d_model}",
            got=str(num_heads),
            remedy="change one of the two",
        )
    width = d_model if positions == "sinusoidal" else d_model // num_heads
    if positions != "learned" and width % 2:
        key = "model.d_model" if positions == "sinusoidal" else "model.d_model / model.num_heads"
        raise ConfigError(
            key, expected=f"an even number with {positions} positions", got=str(width)
        )
