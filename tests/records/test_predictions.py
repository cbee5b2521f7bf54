from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqbench.errors import RecordError
from seqbench.records.predictions import Predictions, read_predictions, write_predictions

PREDICTIONS = Predictions(
    rows=np.array([2, 0, 1]),
    targets=np.array([1, 0, 1]),
    lengths=np.array([5, 3, 4], dtype=np.int32),
    probabilities=np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]]),
)


def test_any_engine_can_read_them(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", PREDICTIONS)
    frame = pd.read_parquet(tmp_path / "p.parquet")
    assert frame.drop(columns="probabilities").to_dict("list") == {
        "row": [0, 1, 2],
        "target": [0, 1, 1],
        "prediction": [0, 0, 1],
        "confidence": [0.5, 1.0, 0.75],
        "length": [3, 4, 5],
    }
    assert list(map(list, frame["probabilities"])) == [[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]
    assert [str(frame[c].dtype) for c in ("row", "length")] == ["int64", "int32"]


def test_round_trip_sorts_by_row(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", PREDICTIONS)
    read = read_predictions(tmp_path / "p.parquet")
    order = [1, 2, 0]
    for name in ("rows", "targets", "lengths", "probabilities", "predictions", "confidences"):
        np.testing.assert_array_equal(getattr(read, name), getattr(PREDICTIONS, name)[order])


def test_what_is_no_prediction_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="expected the predictions of a run"):
        read_predictions(tmp_path / "p.parquet")
    (tmp_path / "p.parquet").write_text("no")
    with pytest.raises(RecordError, match="expected the predictions of a run"):
        read_predictions(tmp_path / "p.parquet")


def test_columns_of_different_lengths(tmp_path: Path) -> None:
    bad = Predictions(
        rows=np.arange(2),
        targets=np.arange(3),
        lengths=np.ones(2, np.int32),
        probabilities=np.ones((2, 2)),
    )
    with pytest.raises(ValueError, match="different lengths"):
        write_predictions(tmp_path / "p.parquet", bad)
