"""One recurrent layer, read from left to right: torch's fused ones and those stepped by us."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqbench.models.encoder import State
from seqbench.models.layers.recurrent_init import init_gates


class RecurrentLayer(nn.Module, ABC):
    """One layer, one direction.

    Attributes:
        d_hidden: width of the hidden state.
        num_states: tensors_BD in its state, the hidden one first: 1, or 2 with a cell state.
        weight_drop: share of recurrent weights set to zero in training, the same ones at all
            positions and in all rows of a batch (DropConnect; Merity et al. 2018, section 2).
    """

    d_hidden: int
    weight_drop: float = 0.0
    num_states: ClassVar[int] = 1

    @abstractmethod
    def forward(
        self, x_BTD: Tensor, lengths_B: Tensor, state: State | None
    ) -> tuple[Tensor, State | None]:
        """The hidden_BTD of every position, and the state after `lengths_B` positions.

        What stands beyond a row's length cannot reach an earlier position, so it is simply read
        along. Without a `state` the layer begins at zero and returns None in its place.
        """


class FusedLayer(RecurrentLayer):
    """A layer of torch's own.

    Padding is read along instead of packed away, which is faster; packing serves only where the
    state after each row's own last position is asked for.

    Args:
        rnn: an nn.RNN, nn.GRU or nn.LSTM of one layer and one direction, batch first.
    """

    def __init__(self, *, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn = rnn
        self.d_hidden = rnn.hidden_size
        init_gates(*rnn.all_weights[0])

    def forward(
        self, x_BTD: Tensor, lengths_B: Tensor, state: State | None
    ) -> tuple[Tensor, State | None]:
        """See RecurrentLayer."""
        with self._dropped_weights():
            if not _lacks_bfloat16(self.rnn, x_BTD.device):
                return self._read(x_BTD, lengths_B, state)
            with torch.autocast("cpu", enabled=False):
                whole = next(self.rnn.parameters()).dtype
                if state is not None:
                    state = tuple(part_BD.to(whole) for part_BD in state)
                return self._read(x_BTD.to(whole), lengths_B, state)

    def _read(
        self, x_BTD: Tensor, lengths_B: Tensor, state: State | None
    ) -> tuple[Tensor, State | None]:
        if state is None:
            return self.rnn(x_BTD)[0], None
        before = tuple(part_BD[None].contiguous() for part_BD in state)
        if bool((lengths_B == x_BTD.shape[1]).all()):
            hidden_BTD, after = self._run(x_BTD, before)
            return hidden_BTD, after
        # An empty row cannot be packed: it is run for one position and keeps its old state.
        packed = pack_padded_sequence(
            x_BTD, lengths_B.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        hidden, after = self._run(packed, before)
        hidden_BTD, _ = pad_packed_sequence(hidden, batch_first=True, total_length=x_BTD.shape[1])
        moved_B1 = (lengths_B > 0)[:, None]
        kept = zip(after, state, strict=True)
        return hidden_BTD, tuple(torch.where(moved_B1, new, old) for new, old in kept)

    @contextlib.contextmanager
    def _dropped_weights(self) -> Iterator[None]:
        """In training, some recurrent weights are zero inside the block."""
        if not self.training or self.weight_drop == 0.0:
            yield
            return
        weights = self.rnn._flat_weights  # what the kernel is given: input, recurrent, biases
        whole_GD = weights[1]
        assert whole_GD is not None
        weights[1] = F.dropout(whole_GD, self.weight_drop)
        try:
            yield
        finally:
            weights[1] = whole_GD

    def _run(self, x: Any, before: State) -> tuple[Any, State]:
        """Torch wants a bare tensor where the state is one, a pair where it is two."""
        hidden, after = self.rnn(x, before if len(before) == 2 else before[0])
        parts = after if isinstance(after, tuple) else (after,)
        return hidden, tuple(part_1BD[0] for part_1BD in parts)


def _lacks_bfloat16(rnn: nn.RNNBase, device: torch.device) -> bool:
    """Torch's LSTM for CPUs fails under bfloat16 on processors without it: it is read in whole."""
    return (
        isinstance(rnn, nn.LSTM)
        and device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


class FusedLSTMLayer(FusedLayer):
    """nn.LSTM with a forget gate that begins open: its bias is 1 (Jozefowicz et al. 2015)."""

    num_states = 2

    def __init__(self, *, d_input: int, d_hidden: int) -> None:
        super().__init__(rnn=nn.LSTM(d_input, d_hidden, batch_first=True))
        # Torch adds two biases: the 1 goes into one of them, so that their sum is 1.
        _, _, input_bias_G, _ = self.rnn.all_weights[0]
        nn.init.ones_(input_bias_G[d_hidden : 2 * d_hidden])


class SteppedLayer(RecurrentLayer):
    """A layer whose equations are our own: `project` for all positions at once, `cell` for each."""

    @abstractmethod
    def project(self, x_BTD: Tensor) -> Tensor:
        """The input's part of every gate, gates_BTG, biases included."""

    recurrent_GD: nn.Parameter

    @abstractmethod
    def cell(self, gates_BG: Tensor, state: State, recurrent_GD: Tensor) -> State:
        """The state after one position, the hidden one first, by these recurrent weights."""

    def forward(
        self, x_BTD: Tensor, lengths_B: Tensor, state: State | None
    ) -> tuple[Tensor, State | None]:
        """See RecurrentLayer."""
        zero_BD = x_BTD.new_zeros(x_BTD.shape[0], self.d_hidden)
        states = [(zero_BD,) * self.num_states if state is None else state]
        recurrent_GD = F.dropout(self.recurrent_GD, self.weight_drop, self.training)
        for gates_BG in self.project(x_BTD).unbind(1):
            states.append(self.cell(gates_BG, states[-1], recurrent_GD))
        hidden_BTD = torch.stack([after[0] for after in states[1:]], dim=1)
        if state is None:
            return hidden_BTD, None
        rows_B = torch.arange(len(lengths_B), device=lengths_B.device)
        parts = (torch.stack(part, dim=1) for part in zip(*states, strict=True))
        return hidden_BTD, tuple(part_BTD[rows_B, lengths_B] for part_BTD in parts)
