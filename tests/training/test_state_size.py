"""What an encoder carries from position to position."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench.models.bow import BagOfWords
from seqbench.models.cnn import CNN
from seqbench.models.cnn_lstm import CNNLSTM
from seqbench.models.encoder import Encoded, Encoder
from seqbench.models.gru import GRU
from seqbench.models.lstm import LSTM
from seqbench.models.transformer import Transformer
from seqbench.records.folder import RunFolder
from seqbench.training import state_size
from seqbench.training.state_size import state_bytes

WIDTH, D, LENGTH = 8, 6, 16  # widths in and inside; `make_task`'s longest sequence
FLOAT, INT = 4, 8


def transformer(**options: Any) -> Transformer:
    return Transformer(
        d_input=WIDTH, d_model=D, num_heads=1, num_layers=2, positions="learned", **options
    )


def cache(positions: int) -> int:
    return positions * (INT + 2 * 2 * D * FLOAT)


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        (LSTM(d_input=WIDTH, d_hidden=D, num_layers=2), 2 * 2 * D * FLOAT),
        (GRU(d_input=WIDTH, d_hidden=D), D * FLOAT),
        (GRU(d_input=WIDTH, d_hidden=D).double(), D * 2 * FLOAT),
        (CNN(d_input=WIDTH, channels=D, kernel_sizes=[2, 4], causal=True), 3 * WIDTH * FLOAT),
        (
            CNNLSTM(d_input=WIDTH, channels=D, d_hidden=D, pool=1, causal=True),
            (4 * WIDTH + 2 * D) * FLOAT,
        ),
        (transformer(causal=True), cache(LENGTH)),
        (transformer(causal=True, window=5), cache(4)),
        (transformer(), None),
        (LSTM(d_input=WIDTH, d_hidden=D, bidirectional=True), None),
        (CNN(d_input=WIDTH, channels=D), None),
        (BagOfWords(d_input=WIDTH), None),
    ],
)
def test_by_hand(encoder: Encoder, expected: int | None, make_task: Any) -> None:
    task = make_task()
    task.encoder = encoder
    task.to(next(encoder.parameters(), torch.zeros(0)).dtype)
    task.train()
    random = torch.get_rng_state()
    assert state_bytes(task) == expected
    assert torch.equal(torch.get_rng_state(), random)
    assert task.training and encoder.training


def test_a_long_sequence_is_read_in_windows(
    make_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_size, "WINDOW", 7)
    task = make_task()
    task.spec = replace(task.spec, max_len=33)
    task.encoder = transformer(causal=True)
    assert state_bytes(task) == cache(33)


def test_an_encoder_that_keeps_no_state_after_all(
    make_task: Any, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task()
    task.encoder = BagOfWords(d_input=WIDTH)
    task.encoder.causal = True
    with caplog.at_level(logging.INFO):
        assert state_bytes(task) is None
    assert "the size of the encoder's state is not known: BagOfWords is not causal" in caplog.text


def test_a_run_has_it_in_its_record(network_run: Path, baseline_run: Path) -> None:
    for folder, expected in ((network_run, 2 * 5 * FLOAT), (baseline_run, None)):
        record = RunFolder(folder).read_record()
        assert record is not None
        assert record.cost.state_bytes == expected


class Nested(LSTM):
    """Keeps its state as others do: a pair for each part, some of them None."""

    def initial_state(self, batch_size: int, device: torch.device) -> Any:
        return tuple((part, None) for part in super().initial_state(batch_size, device))

    def forward(self, x_BTD: Any, mask_BT: Any, state: Any = None) -> Encoded:
        encoded = super().forward(x_BTD, mask_BT, tuple(part for part, _ in state))
        return encoded._replace(state=tuple((part, None) for part in encoded.state or ()))


class Strange(LSTM):
    """Keeps something that has no bytes."""

    def forward(self, x_BTD: Any, mask_BT: Any, state: Any = None) -> Encoded:
        return super().forward(x_BTD, mask_BT)._replace(state=(3.0,))  # type: ignore[arg-type]


def test_states_of_other_kinds(make_task: Any, caplog: pytest.LogCaptureFixture) -> None:
    task = make_task()
    task.encoder = Nested(d_input=WIDTH, d_hidden=D)
    assert state_bytes(task) == 2 * D * FLOAT
    task.encoder = Strange(d_input=WIDTH, d_hidden=D)
    with caplog.at_level(logging.INFO):
        assert state_bytes(task) is None
    assert "the size of the encoder's state is not known: 'float' object is" in caplog.text
