"""What makes an encoder wider, and that it does."""

from __future__ import annotations

from typing import Any

import pytest

from seqbench import testing
from seqbench.models.bow import BagOfWords
from seqbench.models.cnn import CNN
from seqbench.models.cnn_lstm import CNNLSTM
from seqbench.models.encoder import Encoder
from seqbench.models.gru import GRU
from seqbench.models.lstm import LSTM
from seqbench.models.mlp import MLP
from seqbench.models.peephole_lstm import PeepholeLSTM
from seqbench.models.rnn import RNN
from seqbench.models.transformer import Transformer
from seqbench.models.widths import Widths

TRANSFORMER = {"d_model": 24, "d_feedforward": 60, "num_heads": 3, "d_input": 5}
CASES: list[tuple[type[Encoder], dict[str, Any]]] = [
    (RNN, {"d_hidden": 4}),
    (LSTM, {"d_hidden": 4, "num_layers": 2, "bidirectional": True}),
    (GRU, {"d_hidden": 4, "reset": "before"}),
    (PeepholeLSTM, {"d_hidden": 4}),
    (CNN, {"channels": 4, "kernel_sizes": [1, 3]}),
    (CNNLSTM, {"channels": 8, "d_hidden": 4}),
    (MLP, {"d_hidden": 4, "num_layers": 2}),
    (MLP, {"d_hidden": 4, "num_layers": 0}),
    (BagOfWords, {}),
    *((Transformer, {**TRANSFORMER, "positions": p}) for p in ("sinusoidal", "rotary", "learned")),
]


@pytest.mark.parametrize(("encoder", "arguments"), CASES)
def test_wider_is_larger_and_can_be_built(
    encoder: type[Encoder], arguments: dict[str, Any]
) -> None:
    testing.check_widths(encoder, {"d_input": 5, **arguments})


@pytest.mark.parametrize(
    ("heads", "positions", "step"),
    [(3, "sinusoidal", 6), (4, "sinusoidal", 4), (3, "rotary", 6), (3, "learned", 3)],
)
def test_steps_of_a_transformer_fit_heads_and_positions(
    heads: int, positions: str, step: int
) -> None:
    given = TRANSFORMER | {"num_heads": heads, "positions": positions}
    widths = Transformer.widths(given)
    assert widths == Widths(names=("d_model", "d_feedforward"), step=step)
    assert widths.at(5, given) == {"d_model": 5 * step, "d_feedforward": round(12.5 * step)}


def test_no_width_falls_below_one() -> None:
    widths = Widths(names=("d_hidden", "channels"))
    assert widths.at(1, {"d_hidden": 100, "channels": 3}) == {"d_hidden": 1, "channels": 1}


def test_what_names_no_argument_or_makes_nothing_wider_breaks_the_law() -> None:
    class Misnamed(LSTM):
        @classmethod
        def widths(cls, arguments: Any) -> Widths:
            return Widths(names=("width",))

    class Stays(LSTM):
        def __init__(self, *, d_input: int, d_hidden: int) -> None:
            super().__init__(d_input=d_input, d_hidden=4)

    with pytest.raises(AssertionError, match="widths names width, which are no arguments"):
        testing.check_widths(Misnamed, {"d_input": 5, "d_hidden": 4})
    with pytest.raises(AssertionError, match="wider is not larger"):
        testing.check_widths(Stays, {"d_input": 5, "d_hidden": 4})
