"""Every law over every encoder, its directions, depths and main options."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
import torch

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

D_IN, D = 5, 6  # width in, width of the hidden state

Case = tuple[Callable[[], Encoder], int]


def recurrent_count(gates: int, biases: int, extra: int, layers: int, directions: int) -> int:
    """Of stacked recurrent layers: per gate W, U and biases; `extra` vectors per cell besides."""
    widths = [D_IN] + [D * directions] * (layers - 1)
    return directions * sum(gates * D * (w + D + biases) + extra * D for w in widths)


RECURRENT = {
    "rnn-tanh": (RNN, {}, 1, 2, 0),
    "rnn-relu": (RNN, {"activation": "relu"}, 1, 2, 0),
    "lstm": (LSTM, {}, 4, 2, 0),
    "lstm-dropout": (LSTM, {"dropout": 0.3, "locked_dropout": 0.3}, 4, 2, 0),
    "lstm-weight_drop": (LSTM, {"weight_drop": 0.4}, 4, 2, 0),
    "gru-weight_drop": (GRU, {"weight_drop": 0.4, "reset": "before"}, 3, 1, 0),
    "gru-after": (GRU, {"reset": "after"}, 3, 2, 0),
    "gru-before": (GRU, {"reset": "before"}, 3, 1, 0),
    "peephole": (PeepholeLSTM, {}, 4, 1, 3),
    "peephole-hard-relu": (
        PeepholeLSTM,
        {"gate_activation": "hard_sigmoid", "cell_activation": "relu"},
        4,
        1,
        3,
    ),
}


def recurrent_cases() -> Iterator[tuple[str, Case]]:
    for (name, (cls, options, gates, biases, extra)), layers, both in itertools.product(
        RECURRENT.items(), (1, 2), (False, True)
    ):

        def make(cls=cls, options=options, layers=layers, both=both) -> Encoder:
            return cls(d_input=D_IN, d_hidden=D, num_layers=layers, bidirectional=both, **options)

        count = recurrent_count(gates, biases, extra, layers, 2 if both else 1)
        yield f"{name}-{layers}-{'both' if both else 'one'}", (make, count)


def cnn_cases() -> Iterator[tuple[str, Case]]:
    for kernels, layers, causal in itertools.product(([1], [3, 4], [2, 9]), (1, 2), (False, True)):

        def make(kernels=kernels, layers=layers, causal=causal) -> Encoder:
            return CNN(
                d_input=D_IN, channels=4, kernel_sizes=kernels, num_layers=layers, causal=causal
            )

        widths = [D_IN] + [4 * len(kernels)] * (layers - 1)
        count = sum(4 * (k * width + 1) for width in widths for k in kernels)
        yield f"cnn-{kernels}-{layers}-{'causal' if causal else 'centred'}", (make, count)


def cnn_lstm_cases() -> Iterator[tuple[str, Case]]:
    options = (
        {"pool": 1},
        {"pool": 2, "num_layers": 2},
        {"pool": 3, "bidirectional": True},
        {"pool": 1, "causal": True},
        {"pool": 1, "causal": True, "kernel_size": 4, "num_layers": 2},
    )
    for chosen in options:

        def make(chosen=chosen) -> Encoder:
            return CNNLSTM(d_input=D_IN, channels=D_IN, d_hidden=D, **chosen)

        directions = 2 if chosen.get("bidirectional") else 1
        lstm = recurrent_count(4, 2, 0, chosen.get("num_layers", 1), directions)
        count = D_IN * (chosen.get("kernel_size", 5) * D_IN + 1) + lstm
        yield "cnn_lstm-" + "-".join(f"{k}={v}" for k, v in chosen.items()), (make, count)


def transformer_cases() -> Iterator[tuple[str, Case]]:
    d_model, d_feedforward, layers = 8, 12, 2
    kinds = ({}, {"causal": True}, {"causal": True, "window": 1}, {"causal": True, "window": 3})
    for norm, positions, kind in itertools.product(
        ("pre", "post"), ("sinusoidal", "learned", "rotary"), kinds
    ):

        def make(norm=norm, positions=positions, kind=kind) -> Encoder:
            return Transformer(
                d_input=D_IN,
                d_model=d_model,
                num_heads=2,
                num_layers=layers,
                d_feedforward=d_feedforward,
                norm=norm,
                positions=positions,
                max_positions=20,
                **kind,
            )

        layer = 4 * d_model**2 + 2 * d_model * d_feedforward + d_feedforward + d_model
        count = layers * (layer + 4 * d_model) + d_model * (D_IN + 1)
        count += 2 * d_model * (norm == "pre") + 20 * d_model * (positions == "learned")
        yield f"transformer-{norm}-{positions}-{kind.get('window', kind)}", (make, count)


def pointwise_cases() -> Iterator[tuple[str, Case]]:
    yield "bow", (lambda: BagOfWords(d_input=D_IN), 0)
    for layers in range(4):
        count = (D * (D_IN + 1) + (layers - 1) * D * (D + 1)) if layers else 0
        yield (
            f"mlp-{layers}",
            (lambda n=layers: MLP(d_input=D_IN, d_hidden=D, num_layers=n, dropout=0.2), count),
        )


CASES: dict[str, Case] = dict(
    itertools.chain(
        pointwise_cases(), recurrent_cases(), cnn_cases(), cnn_lstm_cases(), transformer_cases()
    )
)

LAWS = (
    testing.check_shapes,
    testing.check_padding_invariance,
    testing.check_causality,
    testing.check_step_equals_forward,
    testing.check_carried_state,
    testing.check_gradients,
    testing.check_save_and_load,
    testing.check_same_seed_same_bits,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", CASES)
def test_law(name, law):
    law(CASES[name][0])


@pytest.mark.parametrize("name", CASES)
def test_parameter_count_is_the_closed_formula(name):
    testing.check_num_parameters(*CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_only_an_encoder_that_looks_ahead_refuses_state(name):
    encoder = CASES[name][0]()
    looks_ahead = not encoder.causal
    if looks_ahead:
        with pytest.raises(NotImplementedError, match="is not causal"):
            encoder.initial_state(1, "cpu")
    else:
        assert encoder.initial_state(1, "cpu")


@pytest.mark.parametrize("name", CASES)
def test_runs_in_mixed_precision(name):
    encoder = CASES[name][0]()
    x_BTD, mask_BT = torch.randn(2, 5, D_IN), torch.ones(2, 5, dtype=torch.bool)
    state = encoder.initial_state(2, torch.device("cpu")) if encoder.causal else None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        encoded = encoder(x_BTD, mask_BT, state)
        if encoded.state is not None:
            encoder.step(x_BTD[:, 0], encoded.state)
    assert encoded.hidden_BTD.isfinite().all()
