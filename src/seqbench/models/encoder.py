"""The contract of every encoder: a sequence of vectors in, a sequence of vectors out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from seqbench.models.widths import Widths

State = tuple[Tensor, ...]
"""What a causal encoder carries from window to window; batch is dimension 0 of every tensor."""


PoolingKind = Literal["last", "mean", "max", "attention"]


class Encoded(NamedTuple):
    """What an encoder returns.

    Attributes:
        hidden_BTD: one vector a position; T may be shorter than the input's (pooling, convolution).
        mask_BT: True where `hidden_BTD` holds a position, False on padding.
        state: the state after each row's last valid position, where one was passed in; else None.
    """

    hidden_BTD: Tensor
    mask_BT: Tensor
    state: State | None = None


class Encoder(nn.Module, ABC):
    """A sequence encoder.

    Attributes:
        d_input: width of the vectors that come in.
        d_output: width of the vectors that go out.
        causal: whether position t sees positions <= t only; then `initial_state` and `step` exist.
        bidirectional: whether the second half of `hidden_BTD` was read from right to left.
        state_grows: whether the state grows with every position, as a cache of keys and values
            does; such a state is not carried from window to window of a long text.
        default_pooling: how a classifier reads one vector out of the sequence unless told:
            "last", "mean", "max" or "attention".
    """

    d_input: int
    d_output: int
    causal: bool = False
    bidirectional: bool = False
    state_grows: ClassVar[bool] = False
    default_pooling: ClassVar[PoolingKind] = "mean"

    @classmethod
    def widths(cls, arguments: Mapping[str, Any]) -> Widths | None:
        """What a budget of parameters solves for; None: there is nothing that makes it wider.

        Args:
            arguments: those that it is to be built with, defaults among them.
        """
        return None

    @abstractmethod
    def forward(self, x_BTD: Tensor, mask_BT: Tensor, state: State | None = None) -> Encoded:
        """Encode a batch.

        Args:
            x_BTD: float vectors; what stands on padding must not matter.
            mask_BT: bool, True on positions; every row is valid up to its length, then padding.
            state: a state to go on from (causal encoders), from `initial_state` or a former call.
        """

    def check_state(self, state: State | None) -> None:
        """Refuses a state where there can be none: to be called first in `forward`.

        Raises:
            NotImplementedError: a state for an encoder that is not causal.
        """
        if state is not None and not self.causal:
            raise NotImplementedError(f"{type(self).__name__} is not causal: it has no state")

    def initial_state(self, batch_size: int, device: torch.device) -> State:
        """The state before the first position; causal encoders only."""
        raise NotImplementedError(f"{type(self).__name__} is not causal: it has no state")

    def zeros(self, *size: int, device: torch.device) -> Tensor:
        """Zeros in the precision of the weights: what an initial state is made of."""
        return torch.zeros(size, dtype=next(self.parameters()).dtype, device=device)

    def step(self, x_BD: Tensor, state: State) -> tuple[Tensor, State]:
        """One position: equals `forward`, a position at a time; causal encoders only.

        Returns:
            hidden_BD and the state after this position.
        """
        self.check_state(state)
        mask_B1 = torch.ones(len(x_BD), 1, dtype=torch.bool, device=x_BD.device)
        encoded = self.forward(x_BD[:, None], mask_B1, state)
        assert encoded.state is not None
        return encoded.hidden_BTD[:, 0], encoded.state
