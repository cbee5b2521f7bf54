"""Validations of a running trial, as its history tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqbench.errors import ConfigError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.sweeps.tuning.history import History
from seqbench.sweeps.tuning.objectives import Objective

ACCURACY = Objective(name="validation/accuracy", higher_is_better=True)


def write(folder: RunFolder, epoch: int, **values: float) -> None:
    with MetricsWriter(folder.metrics) as writer:
        named = {f"validation/{name}": value for name, value in values.items()}
        writer.write(step=epoch, epoch=epoch, seconds=1.0, tokens=1, values=named)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_each_validation_is_news_once(folder: RunFolder) -> None:
    history = History(folder, ACCURACY)
    assert history.news() == []
    write(folder, 0, accuracy=0.5, loss=1.0)
    assert history.news() == [(1, 0.5)]
    assert history.news() == []
    write(folder, 1, accuracy=0.6)
    write(folder, 2, accuracy=0.7)
    assert history.news() == [(2, 0.6), (3, 0.7)]


def test_what_a_resumed_run_repeats_is_no_news(folder: RunFolder) -> None:
    history = History(folder, ACCURACY)
    for epoch in range(2):
        write(folder, epoch, accuracy=epoch / 10)
    history.news()
    folder.metrics.unlink()
    write(folder, 0, accuracy=0.0)
    assert history.news() == []
    write(folder, 1, accuracy=0.1)
    write(folder, 2, accuracy=0.2)
    assert history.news() == [(3, 0.2)]


def test_a_torn_row_is_waited_for(folder: RunFolder) -> None:
    history = History(folder, ACCURACY)
    folder.metrics.write_text('{"step": 1, "validation/accuracy": 0.')
    assert history.news() == []
    folder.metrics.write_text('{"step": 1, "validation/accuracy": 0.5}\n')
    assert history.news() == [(1, 0.5)]


def test_validations_without_the_objective(folder: RunFolder) -> None:
    write(folder, 0, loss=1.0)
    with pytest.raises(ConfigError, match=r"these runs log \(validation/loss\), got"):
        History(folder, ACCURACY).news()
