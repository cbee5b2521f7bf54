"""Exact losses whatever the batches; truncated back-propagation; what is refused."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seqbench.batch import DataSpec, StreamBatch
from seqbench.data.streams import StreamDataset
from seqbench.errors import ConfigError, DataError
from seqbench.models.cnn import CNN
from seqbench.models.cnn_lstm import CNNLSTM
from seqbench.models.encoder import Encoder
from seqbench.models.gru import GRU
from seqbench.models.inputs import LearnedEmbedding, OneHot
from seqbench.models.lstm import LSTM
from seqbench.models.peephole_lstm import PeepholeLSTM
from seqbench.models.rnn import RNN
from seqbench.models.transformer import Transformer
from seqbench.tasks import sliding
from seqbench.tasks.language_modeling import LanguageModeling
from seqbench.tasks.optimizers import SGD
from seqbench.tasks.schedulers import Constant

V, D, WINDOW = 9, 8, 6
CARRYING: dict[str, Callable[[], Encoder]] = {
    "rnn": lambda: RNN(d_input=D, d_hidden=6),
    "lstm": lambda: LSTM(d_input=D, d_hidden=6, num_layers=2),
    "gru": lambda: GRU(d_input=D, d_hidden=6),
    "gru before": lambda: GRU(d_input=D, d_hidden=6, reset="before"),
    "peephole": lambda: PeepholeLSTM(d_input=D, d_hidden=6),
    "cnn": lambda: CNN(d_input=D, channels=3, kernel_sizes=[2, 4], causal=True),
    "cnn_lstm": lambda: CNNLSTM(d_input=D, channels=5, d_hidden=6, pool=1, causal=True),
}


def transformer(**options: Any) -> Transformer:
    return Transformer(d_input=D, d_model=D, num_heads=2, d_feedforward=6, causal=True, **options)


ENCODERS = CARRYING | {
    f"transformer {kind}": lambda kind=kind: transformer(positions=kind)
    for kind in ("sinusoidal", "learned", "rotary")
}


def task_of(encoder: Encoder, *, window: int = WINDOW, **options: Any) -> LanguageModeling:
    spec = DataSpec(
        task="language_modeling", vocab_size=V, pad_id=0, max_len=window,
        num_examples={"train": 1}, num_tokens={"validation": 30},
        num_characters={"validation": 60},
    )  # fmt: skip
    parts: dict[str, Any] = {
        "inputs": LearnedEmbedding(vocab_size=V, pad_id=0, d_embed=D, dropout=0.0)
    }
    return LanguageModeling(
        encoder=encoder, spec=spec, optimizer=SGD(lr=0.1), scheduler=Constant(), **(parts | options)
    )


def text(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(4, V, length).astype(np.int32)


def read(ids: np.ndarray, *, window: int, columns: int = 1) -> list[StreamBatch]:
    dataset = StreamDataset(ids, columns=columns, window=window, pad_id=0)
    return [dataset[(0, number)] for number in range(len(dataset))]


@pytest.mark.parametrize("name", ENCODERS)
def test_the_loss_of_a_split_does_not_depend_on_its_batches(name: str) -> None:
    torch.manual_seed(0)
    task = task_of(ENCODERS[name]()).eval()
    ids = text(50)
    whole = task.losses_of(read(ids, window=4096))
    assert whole["targets"].tolist() == ids[1:].tolist()
    for window in (1, 2, 5, 7, 48):
        found = task.losses_of(read(ids, window=window))
        assert found["targets"].tolist() == ids[1:].tolist()
        assert np.abs(found["losses"] - whole["losses"]).max() < 1e-5, window
        assert found["losses"].mean() == pytest.approx(whole["losses"].mean(), abs=1e-6)


@pytest.mark.parametrize("name", CARRYING)
def test_a_carried_state_sees_the_whole_text(name: str) -> None:
    torch.manual_seed(0)
    task = task_of(CARRYING[name]()).eval()
    ids = text(40)
    (whole,) = read(ids, window=4096)
    with torch.no_grad():
        expected = F.cross_entropy(task(whole)[0], whole.targets_BT[0], reduction="none")
    found = task.losses_of(read(ids, window=3))["losses"]
    assert np.abs(found - expected.numpy()).max() < 1e-5


@pytest.mark.parametrize("stride", [1, 3, 6])
def test_sliding_windows_score_with_the_context_they_state(stride: int) -> None:
    torch.manual_seed(0)
    task = task_of(transformer(), stride=stride).eval()
    ids = text(31)
    found = task.losses_of(read(ids, window=10))["losses"]
    for place in range(30):
        end = (place // stride + 1) * stride  # of the window that scores this target
        start = max(0, end - WINDOW)
        (alone,) = read(ids[start : place + 2], window=4096)
        with torch.no_grad():
            logits = task(alone)[0, -1]
        expected = F.cross_entropy(logits, torch.tensor(ids[place + 1], dtype=torch.int64))
        assert found[place] == pytest.approx(expected.item(), abs=1e-5)


def test_perplexity_of_five_tokens_by_hand() -> None:
    """A model whose logits are a table: the perplexity is the inverse geometric mean."""
    task = task_of(RNN(d_input=V, d_hidden=V), inputs=OneHot(vocab_size=V, pad_id=0)).eval()
    with torch.no_grad():
        for parameter in task.parameters():
            parameter.zero_()
        (rnn,) = task.encoder.forward_layers  # type: ignore[union-attr]
        rnn.rnn.weight_ih_l0.copy_(torch.eye(V))  # hidden: tanh(1) at the token that was read
        table = torch.zeros(V, V)  # next token by token
        table[4, 5] = math.log(7 - 1) / math.tanh(1)  # of 9 tokens: 6 / (8 + 6) = 3/7
        table[5, 4] = math.log(16) / math.tanh(1)  # 16 / (8 + 16) = 2/3
        task.head.weight_VD.copy_(table.T)
    ids = np.array([4, 5, 4, 5, 6], dtype=np.int32)  # 4→5: 3/7, 5→4: 2/3, 4→5: 3/7, 5→6: 1/24
    losses = task.losses_of(read(ids, window=2))["losses"]
    expected = (3 / 7 * 2 / 3 * 3 / 7 * 1 / 24) ** (-1 / 4)
    assert math.exp(losses.mean()) == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(3.7417, abs=1e-4)


def test_gradients_stop_at_windows_and_states_do_not() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=D, d_hidden=6)).train()
    first, second = read(text(13), window=6)
    task.outputs(first)
    carried = task._carried
    assert carried is not None
    assert all(not part.requires_grad for part in carried)
    loss = task.outputs(second).loss_sum
    x, mask = task.inputs(second)
    hidden = task.encoder(x, mask, carried).hidden_BTD
    expected = F.cross_entropy(task.head(hidden)[0], second.targets_BT[0], reduction="sum")
    torch.testing.assert_close(loss, expected)
    fresh = task.encoder(x, mask).hidden_BTD
    assert not torch.allclose(fresh, hidden)


def test_an_epoch_begins_without_a_state() -> None:
    torch.manual_seed(0)
    task = task_of(GRU(d_input=D, d_hidden=6)).train()
    batches = read(text(40), window=6, columns=3)
    losses = [[task.outputs(batch).loss_sum.item() for batch in batches] for _ in range(2)]
    assert losses[0] == losses[1]


def test_evaluation_leaves_the_training_state_alone() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=D, d_hidden=6)).train()
    batches = read(text(40), window=6, columns=2)
    expected = [task.outputs(batch).loss_sum.item() for batch in batches]
    found = []
    for batch in batches:
        found.append(task.outputs(batch).loss_sum.item())
        task.eval()
        task.losses_of(read(text(20, seed=1), window=4096))
        task.train()
    assert found == expected


@pytest.mark.parametrize("trains", [True, False])
def test_a_carried_state_that_is_lost_is_told_of(trains: bool) -> None:
    task = task_of(LSTM(d_input=D, d_hidden=6)).train(trains)
    first, second = read(text(25), window=6, columns=2)
    with pytest.raises(DataError, match=r"batch: expected 0 rows that go on, .* got 2 rows, 2 of"):
        task.outputs(second)
    (other,) = read(text(10), window=4096)
    task.outputs(other)
    with pytest.raises(DataError, match=r"batch: expected 1 rows that go on, .* got 2 rows, 2 of"):
        task.outputs(second)
    task.outputs(first)
    task.outputs(second)


def test_a_row_may_begin_while_the_others_go_on() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=D, d_hidden=6)).eval()
    first, second = read(text(25), window=6, columns=2)
    task.outputs(first)
    second = dataclasses.replace(second, starts_B=torch.tensor([False, True]))
    found = task.losses_of([first, second])["losses"][12:]
    whole = task(second)[1]  # from its beginning on
    expected = F.cross_entropy(whole, second.targets_BT[1], reduction="none")
    assert np.abs(found[6:] - expected.detach().numpy()).max() < 1e-5
    fresh = F.cross_entropy(task(second)[0], second.targets_BT[0], reduction="none")
    assert np.abs(found[:6] - fresh.detach().numpy()).max() > 1e-4


def test_what_was_carried_is_taken_up() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=D, d_hidden=6)).train()
    first, second = read(text(13), window=6)
    task.outputs(first)
    state = task.training_state()
    expected = task.outputs(second).loss_sum.item()
    other = task_of(LSTM(d_input=D, d_hidden=6)).train()
    other.load_state_dict(task.state_dict())
    other.load_training_state(state)
    assert other.outputs(second).loss_sum.item() == expected


def test_scores_that_follow_from_the_loss() -> None:
    task = task_of(LSTM(d_input=D, d_hidden=6))
    found = task.follows(torch.tensor(math.log(8)))
    assert found["perplexity"].item() == pytest.approx(8)
    # three bits for each of 29 predicted tokens, over the 60 characters that they stand for
    assert found["bits_per_character"].item() == pytest.approx(3 * 29 / 60)


def test_tied_weights_are_one_matrix() -> None:
    tied = task_of(LSTM(d_input=D, d_hidden=6), tied=True)
    free = task_of(LSTM(d_input=D, d_hidden=6))
    assert tied.head.weight_VD is tied.inputs.embedding.weight

    def count(task: LanguageModeling) -> int:
        return sum(parameter.numel() for parameter in task.parameters())

    assert count(free) - count(tied) == 6 * V - 6 * D  # its own matrix, less a projection


@pytest.mark.parametrize(
    ("encoder", "options", "says"),
    [
        (lambda: LSTM(d_input=D, bidirectional=True), {}, "expected a causal encoder: any other"),
        (lambda: CNN(d_input=D), {}, "expected a causal encoder"),
        (lambda: transformer(), {"stride": 7}, r"task\.stride: expected at most data\.window=6"),
        (
            lambda: LSTM(d_input=V),
            {"inputs": OneHot(vocab_size=V, pad_id=0), "tied": True},
            r"task\.tied: expected false unless inputs=learned",
        ),
    ],
)
def test_what_cannot_be(encoder: Callable[[], Encoder], options: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        task_of(encoder(), **options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ENCODERS)
def test_step_is_forward_over_200_tokens(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    encoder = ENCODERS[name]().eval().to(dtype)
    x_BTD = torch.randn(2, 200, D, dtype=dtype)
    mask_BT = torch.ones(2, 200, dtype=torch.bool)
    with torch.no_grad():
        whole = encoder(x_BTD, mask_BT).hidden_BTD
        state, stepped = encoder.initial_state(2, x_BTD.device), []
        for x_BD in x_BTD.unbind(1):
            hidden_BD, state = encoder.step(x_BD, state)
            stepped.append(hidden_BD)
    assert (torch.stack(stepped, 1) - whole).abs().max() < 1e-5


@pytest.mark.parametrize("name", ENCODERS)
def test_no_loss_has_a_gradient_from_the_token_it_predicts_or_later_ones(name: str) -> None:
    torch.manual_seed(0)
    task = task_of(ENCODERS[name]()).eval()
    (batch,) = read(text(12), window=4096)
    x_BTD, mask_BT = task.inputs(batch)
    x_BTD = x_BTD.detach()
    for place in range(11):
        x_BTD = x_BTD.detach().requires_grad_()
        logits = task.head(task.encoder(x_BTD, mask_BT).hidden_BTD)[0, place]
        loss = F.cross_entropy(logits, batch.targets_BT[0, place])
        (gradient,) = torch.autograd.grad(loss, x_BTD)
        assert not gradient[:, place + 1 :].any()
        assert gradient[:, : place + 1].any()


def test_a_small_stride_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    task = task_of(transformer(), stride=1).eval()
    ids = text(60)
    whole = task.losses_of(read(ids, window=4096))["losses"]
    monkeypatch.setattr(sliding, "POSITIONS", 40)
    seen, encode = [], task.encoder.forward

    def forward(x_BTD: torch.Tensor, mask_BT: torch.Tensor) -> Any:
        seen.append(mask_BT.numel())
        return encode(x_BTD, mask_BT)

    monkeypatch.setattr(task.encoder, "forward", forward)
    assert np.abs(task.losses_of(read(ids, window=4096))["losses"] - whole).max() < 1e-5
    assert max(seen) <= 40
    assert len(seen) >= 8  # 59 windows of 6 positions, the first five shorter


@pytest.mark.parametrize("cutoffs", [[], [5]])
def test_logits_of_a_whole_batch_are_those_of_the_losses(cutoffs: list[int]) -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=D, d_hidden=6), cutoffs=cutoffs).eval()
    (batch,) = read(text(21), window=4096, columns=2)
    logits_BTV = task(batch)
    assert logits_BTV.shape == (2, 10, V)
    losses = F.cross_entropy(logits_BTV.flatten(0, 1), batch.targets_BT.flatten(), reduction="none")
    found = task.losses_of([batch])["losses"]
    assert np.abs(found - losses.detach().numpy()).max() < 1e-5


def test_an_adaptive_softmax_is_exact_whatever_the_batches_too() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=D, d_hidden=16), cutoffs=[4, 7]).eval()
    ids = text(40)
    whole = task.losses_of(read(ids, window=4096))["losses"]
    assert np.abs(task.losses_of(read(ids, window=3))["losses"] - whole).max() < 1e-5
    task.train().outputs(read(ids, window=9)[0]).loss_sum.backward()
    assert all(parameter.grad is not None for parameter in task.head.parameters())
    for cutoffs, says in (([7, 4], "ascending numbers below"), ([4, V], "vocabulary's size, 9")):
        with pytest.raises(ConfigError, match=says):
            task_of(LSTM(d_input=D), cutoffs=cutoffs)
