"""FLOPs of a forward and backward pass against closed formulas, and fused layers against steps."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.flop_counter import FlopCounterMode

from seqbench.models.cnn import CNN
from seqbench.models.cnn_lstm import CNNLSTM
from seqbench.models.encoder import Encoder
from seqbench.models.gru import GRU
from seqbench.models.inputs import OneHot
from seqbench.models.lstm import LSTM
from seqbench.models.mlp import MLP
from seqbench.models.peephole_lstm import PeepholeLSTM
from seqbench.models.rnn import RNN
from seqbench.models.transformer import Transformer
from seqbench.training.flop_formulas import FORMULAS
from seqbench.training.flops import batch_flops

B, T, C = 3, 5, 3  # texts, positions, classes
WIDTH, D = 8, 6  # widths: what comes in, what an encoder makes of it
N = B * T
HEAD = 3 * 2 * B * C  # by each feature that is pooled: forward, and backward for both factors


def product(multiplications: int) -> int:
    """Forward, and backward for both of its factors."""
    return 3 * 2 * multiplications


def recurrent(gates: int, d_input: int, *, positions: int = T, late: int | None = None) -> int:
    """One layer, one direction. The state before the first position needs no gradient.

    `late` gates are multiplied with a state that was reset before, which needs one.
    """
    first = 2 * B * D * D * (gates - (late or 0))
    return product(B * positions * gates * D * (d_input + D)) - first


def attention(positions: int, d_model: int, d_feedforward: int) -> int:
    projections = 4 * d_model**2 + 2 * d_model * d_feedforward
    return product(B * positions * (projections + 2 * positions * d_model))


CASES: dict[str, tuple[Callable[[], Encoder], int]] = {
    "rnn": (lambda: RNN(d_input=WIDTH, d_hidden=D), recurrent(1, WIDTH)),
    "gru": (lambda: GRU(d_input=WIDTH, d_hidden=D), recurrent(3, WIDTH)),
    "gru-before": (
        lambda: GRU(d_input=WIDTH, d_hidden=D, reset="before"),
        recurrent(3, WIDTH, late=1),
    ),
    "lstm": (lambda: LSTM(d_input=WIDTH, d_hidden=D), recurrent(4, WIDTH)),
    "lstm-two-layers": (
        lambda: LSTM(d_input=WIDTH, d_hidden=D, num_layers=2),
        recurrent(4, WIDTH) + recurrent(4, D),
    ),
    "lstm-bidirectional": (
        lambda: LSTM(d_input=WIDTH, d_hidden=D, bidirectional=True),
        2 * recurrent(4, WIDTH),
    ),
    "gru-both": (
        lambda: GRU(d_input=WIDTH, d_hidden=D, bidirectional=True, num_layers=2),
        2 * (recurrent(3, WIDTH) + recurrent(3, 2 * D)),
    ),
    "peephole": (lambda: PeepholeLSTM(d_input=WIDTH, d_hidden=D), recurrent(4, WIDTH)),
    "cnn": (
        lambda: CNN(d_input=WIDTH, channels=D, kernel_sizes=[2, 3]),
        product(N * WIDTH * D * (2 + 3)),
    ),
    "cnn_lstm": (
        lambda: CNNLSTM(d_input=WIDTH, channels=7, kernel_size=5, pool=2, d_hidden=D),
        product(N * WIDTH * 7 * 5) + recurrent(4, 7, positions=math.ceil(T / 2)),
    ),
    "transformer": (
        lambda: Transformer(d_input=WIDTH, d_model=WIDTH, num_heads=2, d_feedforward=12),
        attention(T, WIDTH, 12),
    ),
    "transformer-causal": (
        lambda: Transformer(d_input=WIDTH, d_model=D, num_heads=1, d_feedforward=12, causal=True),
        product(N * WIDTH * D) + attention(T, D, 12),
    ),
    "mlp": (lambda: MLP(d_input=WIDTH, d_hidden=D), product(B * WIDTH * D)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_encoder_by_its_closed_formula(name: str, make_task: Any, make_batch: Any) -> None:
    make, expected = CASES[name]
    task = make_task(pooling="mean")
    task.encoder = make()
    task.head = nn.Linear(task.encoder.d_output, C)
    flops = batch_flops(task, make_batch([T, 3, 1]))
    assert flops == expected + HEAD * task.encoder.d_output


def test_inputs_that_are_not_learned_need_no_gradient(make_task: Any, make_batch: Any) -> None:
    task = make_task(pooling="mean")
    task.inputs = OneHot(vocab_size=20, pad_id=0)
    for make, gates in ((LSTM, 4), (GRU, 3)):
        task.encoder = make(d_input=20, d_hidden=D)
        expected = recurrent(gates, 20) - 2 * N * gates * D * 20 + HEAD * D
        assert batch_flops(task, make_batch([T, T, 2])) == expected


def test_attention_pooling(make_task: Any, make_batch: Any) -> None:
    plain, pooled = make_task(pooling="mean"), make_task(pooling="attention")
    batch = make_batch([T, 3, 1])
    # Of the query the counter sees forward and its own gradient; that of the keys is elementwise.
    extra = product(N * D * D) + 2 * 2 * N * D + product(N * D)
    assert batch_flops(pooled, batch) - batch_flops(plain, batch) == extra


def counted(forward: Callable[[], Tensor]) -> int:
    with FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        torch.autograd.backward(forward().sum())
    return int(counter.get_total_flops())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("learned", [True, False])
def test_a_fused_lstm_counts_as_much_as_its_steps(
    layers: int, both: bool, learned: bool, bias: bool
) -> None:
    lstm = nn.LSTM(WIDTH, D, layers, batch_first=True, bidirectional=both, bias=bias)
    x_BTD = torch.randn(B, T, WIDTH, requires_grad=learned)
    fused = counted(lambda: lstm(x_BTD)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a card that is not there
        with torch.backends.mkldnn.flags(enabled=False):  # type: ignore[no-untyped-call]
            stepped = counted(lambda: lstm(x_BTD)[0])
    assert fused == stepped > 0


def test_packed_and_with_a_state_that_is_learned() -> None:
    lstm = nn.LSTM(WIDTH, D, batch_first=True)
    x_BTD = torch.randn(B, T, WIDTH)
    state = tuple(torch.zeros(1, B, D, requires_grad=True) for _ in range(2))
    whole = 2 * N * 4 * D * (2 * WIDTH + 3 * D)
    assert counted(lambda: lstm(x_BTD, state)[0]) == whole
    packed = pack_padded_sequence(x_BTD, torch.tensor([T, T, T]), batch_first=True)
    assert counted(lambda: lstm(packed, state)[0].data) == whole


@pytest.fixture
def cudnn_on_meta() -> Any:
    """cuDNN's backward pass for tensors without content, so that autograd calls it."""
    library = torch.library.Library("aten", "IMPL", "Meta")

    def backward(x: Tensor, weights: list[Tensor], _: int, __: Tensor, hx: Tensor, *rest: Any):
        empty = [torch.empty_like(weight) for weight in weights]
        return torch.empty_like(x), torch.empty_like(hx), torch.empty_like(hx), empty

    library.impl("_cudnn_rnn_backward", backward)
    yield
    library._destroy()


LSTM_MODE, GRU_MODE = 2, 3


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_cudnn_counts_as_much_as_the_steps(
    kind: Any, learned: bool, layers: int, both: bool, bias: bool, cudnn_on_meta: None
) -> None:
    layer = kind(WIDTH, D, layers, batch_first=True, bidirectional=both, bias=bias)
    x_BTD = torch.randn(B, T, WIDTH, requires_grad=learned)
    expected = counted(lambda: layer(x_BTD)[0])
    layer, x_BTD = layer.to("meta"), x_BTD.detach().to("meta").requires_grad_(learned)
    state = torch.zeros(layers * (1 + both), B, D, device="meta")
    is_lstm = kind is nn.LSTM

    def forward() -> Tensor:
        output: Tensor = torch.ops.aten._cudnn_rnn(
            x_BTD, layer._flat_weights, 4 if bias else 2, torch.empty(1, device="meta"), state,
            state if is_lstm else None, LSTM_MODE if is_lstm else GRU_MODE, D, 0, layers, True,
            0.0, True, both, [], None,
        )[0]  # fmt: skip
        return output

    assert counted(forward) == expected


def test_attention_counts_the_same_by_every_kernel() -> None:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    heads, width, keys = 2, 4, 7
    query = torch.randn(B, heads, T, width, requires_grad=True)
    key, value = (torch.randn(B, heads, keys, width, requires_grad=True) for _ in range(2))
    expected = product(B * heads * T * keys * 2 * width)
    for backend in (SDPBackend.FLASH_ATTENTION, SDPBackend.MATH):
        with sdpa_kernel(backend):
            assert counted(lambda: F.scaled_dot_product_attention(query, key, value)) == expected


def test_the_backward_passes_of_attention_on_a_gpu() -> None:
    names = ("flash", "efficient", "cudnn")
    shape = (B, 2, T, 4)
    for name in names:
        packet = getattr(torch.ops.aten, f"_scaled_dot_product_{name}_attention_backward")
        arguments = [argument.name for argument in packet.default._schema.arguments]
        assert arguments[1:4] == ["query", "key", "value"]
        assert FORMULAS[packet](shape, shape, shape, shape) == 4 * 2 * B * 2 * T * T * 4


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_convolution_in_groups(groups: int, transposed: bool) -> None:
    layer = (nn.ConvTranspose1d if transposed else nn.Conv1d)(WIDTH, WIDTH, 3, groups=groups)
    x_BDT = torch.randn(B, WIDTH, T, requires_grad=True)
    positions = T if transposed else T - 2
    expected = product(B * positions * WIDTH * (WIDTH // groups) * 3)
    assert counted(lambda: layer(x_BDT)) == expected


def test_a_product_of_two_vectors() -> None:
    a_D, b_D = torch.randn(D, requires_grad=True), torch.randn(D)
    assert counted(lambda: a_D @ b_D) == 2 * D  # by a number its backward pass only scales
