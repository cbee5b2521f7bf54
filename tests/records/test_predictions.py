from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqbench.errors import RecordError
from seqbench.records.predictions import (
    SCHEMA,
    Predictions,
    excerpt,
    read_outcomes,
    read_predictions,
    read_texts,
    write_predictions,
)

PREDICTIONS = Predictions(
    rows=np.array([2, 0, 1]),
    targets=np.array([1, 0, 1]),
    lengths=np.array([5, 3, 4], dtype=np.int32),
    probabilities=np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]]),
    texts=["the \n third", "first", "x" * 300],
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
        "text": ["first", "x" * 200, "the third"],
    }
    assert list(map(list, frame["probabilities"])) == [[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]
    assert [str(frame[c].dtype) for c in ("row", "length")] == ["int64", "int32"]


def test_round_trip_sorts_by_row(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", PREDICTIONS)
    read = read_predictions(tmp_path / "p.parquet")
    order = [1, 2, 0]
    for name in ("rows", "targets", "lengths", "probabilities", "predictions", "confidences"):
        np.testing.assert_array_equal(getattr(read, name), getattr(PREDICTIONS, name)[order])
    assert read.texts == ("first", "x" * 200, "the third")


def test_outcomes_are_the_columns_that_comparing_needs(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", PREDICTIONS)
    outcomes = read_outcomes(tmp_path / "p.parquet")
    whole = read_predictions(tmp_path / "p.parquet")
    for field in fields(outcomes):
        found, expected = getattr(outcomes, field.name), getattr(whole, field.name)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    with pytest.raises(FrozenInstanceError):
        outcomes.rows = outcomes.targets


def test_texts_of_some_rows(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", PREDICTIONS)
    texts = {0: "first", 1: "x" * 200, 2: "the third"}
    assert read_texts(tmp_path / "p.parquet", [2, 0]) == {0: texts[0], 2: texts[2]}
    assert read_texts(tmp_path / "p.parquet", [7, 1]) == {1: texts[1]}
    assert read_texts(tmp_path / "p.parquet", []) == {}


def test_texts_that_are_not_known(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", replace(PREDICTIONS, texts=None))
    assert read_predictions(tmp_path / "p.parquet").texts is None
    assert read_texts(tmp_path / "p.parquet", [0, 1]) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  two \t\n words ", "two words"),
        ("a" * 199 + " b", "a" * 199),
        ("a" * 198 + " bc", "a" * 198 + " b"),
        (" " * 5000 + "late" + " " * 5000 + "later", "late later"),
        ("é \ud83d\x00", "é ?\x00"),  # half of a pair is no character
    ],
)
def test_the_beginning_of_a_text(text: str, expected: str) -> None:
    assert excerpt(text) == expected
    assert excerpt(expected) == expected


def test_the_beginning_of_a_text_is_that_of_the_folded_text() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        share = rng.uniform(0, 1)
        text = "".join(
            rng.choice(["a", "b", " ", "\n"], 900, p=[share / 2] * 2 + [0.5 - share / 2] * 2)
        )
        assert excerpt(text) == " ".join(text.split())[:200].rstrip()


READERS = [read_predictions, read_outcomes, lambda path: read_texts(path, [0])]


@pytest.mark.parametrize("read", READERS)
def test_what_is_no_prediction_file(read: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    with pytest.raises(RecordError, match="expected the predictions of a run"):
        read(path)
    path.write_text("no")
    with pytest.raises(RecordError, match="expected the predictions of a run"):
        read(path)
    write_predictions(path, PREDICTIONS)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordError, match="expected the predictions of a run"):
        read(path)
    pd.DataFrame({"row": [0, 1]}).to_parquet(path)
    with pytest.raises(RecordError, match=r"p\.parquet: expected the predictions of a run, got .*"):
        read(path)


def test_a_file_of_an_earlier_version_has_no_texts(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write_predictions(path, PREDICTIONS)
    pq.write_table(pq.read_table(path).drop_columns("text"), path)
    assert read_outcomes(path).rows.tolist() == [0, 1, 2]
    with pytest.raises(RecordError, match="got no column 'text'"):
        read_texts(path, [0])
    with pytest.raises(RecordError, match="got no column 'text'"):
        read_predictions(path)


@pytest.mark.parametrize("texts", [None, ["one"]])
def test_columns_of_different_lengths(texts: list[str] | None, tmp_path: Path) -> None:
    bad = Predictions(
        rows=np.arange(2),
        targets=np.arange(2 if texts else 3),
        lengths=np.ones(2, np.int32),
        probabilities=np.ones((2, 2)),
        texts=texts,
    )
    with pytest.raises(ValueError, match="different lengths"):
        write_predictions(tmp_path / "p.parquet", bad)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.iloc[:0], "no example"),
        (lambda frame: frame.assign(confidence=float("inf")), "a confidence that is not a number"),
        (lambda frame: frame.assign(prediction=["a", "b", "c"]), "column prediction of type"),
        (lambda frame: frame.astype({"target": "Int64"}).replace({"target": {0: None}}), "gaps"),
        (lambda frame: frame.drop(columns="length"), "no column 'length'"),
    ],
)
def test_outcomes_that_nobody_could_compare(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "p.parquet"
    write_predictions(path, PREDICTIONS)
    table = pa.Table.from_pandas(change(pd.read_parquet(path)), preserve_index=False)
    if "prediction of" not in message and "no column" not in message:
        table = table.cast(SCHEMA)
    pq.write_table(table, path)
    with pytest.raises(RecordError, match=message):
        read_outcomes(path)
