"""Validations of a running trial, as its history tells them."""

from __future__ import annotations

import math
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


def test_what_an_earlier_try_left_is_no_news_until_the_run_has_begun(folder: RunFolder) -> None:
    for epoch in range(3):
        write(folder, epoch, accuracy=0.9)
    history = History(folder, ACCURACY)
    assert history.news() == []
    folder.metrics.unlink()
    assert history.news() == []
    write(folder, 0, accuracy=0.2)
    assert history.news() == [(1, 0.2)]


def test_a_run_that_goes_on_tells_what_it_had_before(folder: RunFolder) -> None:
    write(folder, 0, accuracy=0.1)
    history = History(folder, ACCURACY)
    write(folder, 1, accuracy=0.2)
    assert history.news() == [(1, 0.1), (2, 0.2)]


def test_a_run_that_has_ended_unseen_is_told_whole(folder: RunFolder) -> None:
    write(folder, 0, accuracy=0.1)
    history = History(folder, ACCURACY)
    assert history.news(ended=True) == [(1, 0.1)]
    assert history.told == [(1, 0.1)]


def test_a_rollback_takes_back_what_was_told(folder: RunFolder) -> None:
    history = History(folder, ACCURACY)
    write(folder, 0, accuracy=0.1)
    kept = folder.metrics.stat().st_size
    for epoch, accuracy in ((1, 0.2), (2, 0.3)):
        write(folder, epoch, accuracy=accuracy)
    assert len(history.news()) == 3
    assert not history.is_behind
    with MetricsWriter(folder.metrics) as writer:
        writer.truncate(kept)
    assert history.news() == []
    assert history.is_behind
    write(folder, 1, accuracy=0.8)
    assert history.news() == [(2, 0.8)]
    assert history.is_behind
    ((at, value),) = history.news(ended=True)
    assert at == 3
    assert math.isnan(value)
    assert history.news(ended=True) == []


def test_another_process_that_takes_over_knows_what_was_told(folder: RunFolder) -> None:
    history = History(folder, ACCURACY, told={1: 0.1, 2: 0.2})
    write(folder, 0, accuracy=0.1)
    assert history.news() == []
    assert history.is_behind
    write(folder, 1, accuracy=0.5)
    assert history.news() == [(2, 0.5)]
    assert not history.is_behind


def test_a_torn_row_is_waited_for(folder: RunFolder) -> None:
    history = History(folder, ACCURACY)
    write(folder, 0, accuracy=0.5)
    whole = folder.metrics.read_bytes()
    folder.metrics.write_bytes(whole[:-4])
    assert history.news() == []
    folder.metrics.write_bytes(whole)
    assert history.news() == [(1, 0.5)]


def test_validations_without_the_objective(folder: RunFolder) -> None:
    history = History(folder, ACCURACY)
    write(folder, 0, loss=1.0)
    with pytest.raises(ConfigError, match=r"these runs log \(validation/loss\), got"):
        history.news()
