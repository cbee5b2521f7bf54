"""Lines where nobody looks, a bar on a terminal."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from seqbench.tasks.task import MetricSpec
from seqbench.training.progress import ProgressSettings

METRIC = MetricSpec(name="accuracy", higher_is_better=True)
NO_MODULE: Any = None


def trainer(**changes: Any) -> Any:
    metrics = {"validation/accuracy": 0.5, "validation/loss": 1.25}
    state = {
        "is_global_zero": True, "num_training_batches": 3, "max_epochs": 2, "current_epoch": 0,
        "global_step": 3, "callback_metrics": metrics,
    }  # fmt: skip
    return SimpleNamespace(**{**state, **changes})


def an_epoch(callback: Any, at: Any) -> None:
    callback.on_train_start(at, NO_MODULE)
    for batch in range(3):
        callback.on_train_batch_end(at, NO_MODULE, None, None, batch)
    callback.on_validation_end(at, NO_MODULE)


def test_without_a_terminal_a_line_a_validation(capsys: pytest.CaptureFixture[str]) -> None:
    callback = ProgressSettings().build(METRIC, "a run")
    an_epoch(callback, trainer())
    callback.on_train_end(trainer(), NO_MODULE)
    printed = capsys.readouterr()
    assert printed.out == ""
    line = r"a run: epoch 1/2, step 3, \d+\.\d s, validation accuracy 0\.5000, loss 1\.2500\n"
    assert re.fullmatch(line, printed.err)


def test_other_ranks_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    an_epoch(ProgressSettings().build(METRIC, "a run"), trainer(is_global_zero=False))
    assert capsys.readouterr().err == ""


def test_on_a_terminal_a_bar_that_goes_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    callback = ProgressSettings(refresh=1e-9).build(METRIC, "a run")
    an_epoch(callback, trainer())
    callback.on_exception(trainer(), NO_MODULE, RuntimeError())
    bar = capsys.readouterr().err
    assert "a run:  50%" in bar
    assert "epoch 1/2, validation accuracy 0.5000" in bar
    assert "\n" not in bar.strip("\n")
