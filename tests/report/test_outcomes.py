"""Examples on which models agree or disagree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqbench.records.predictions import Predictions, write_predictions
from seqbench.report.content import Section, gather
from seqbench.report.html import render_html


def predict(section: Section, said: dict[tuple[str, int], list[int]], targets: list[int]) -> None:
    """Puts predictions beside the records of a section: class ids by model and seed."""
    for row in section.table.rows:
        for run in row.runs:
            classes = said[row.model, run.record.seed]
            write_predictions(
                run.folder.predictions,
                Predictions(
                    rows=np.arange(len(targets)),
                    targets=np.array(targets),
                    lengths=np.ones(len(targets), dtype=np.int32),
                    probabilities=np.eye(4)[classes],
                    texts=tuple(f"<i>example</i> {i}" for i in range(len(targets))),
                ),
            )


@pytest.fixture
def divided(store, tmp_path: Path) -> Path:
    """Two models, two seeds, five examples of class 0."""
    for model in ("gru", "lstm"):
        for seed in range(2):
            store(model=model, seed=seed)
    (section,) = gather(tmp_path).sections
    said = {
        ("gru", 0): [0, 1, 0, 0, 0],
        ("gru", 1): [0, 1, 0, 0, 2],
        ("lstm", 0): [0, 1, 1, 0, 0],
        ("lstm", 1): [0, 2, 1, 3, 0],
    }
    predict(section, said, [0] * 5)
    return tmp_path


def test_where_models_agree_and_where_not(divided: Path) -> None:
    (section,) = gather(divided).sections
    found = section.agreement
    assert found is not None
    assert (found.n, found.all_right, found.all_wrong) == (5, 1 / 5, 1 / 5)
    first, *others = found.disagreements
    assert (first.row, first.text, first.target) == (2, "<i>example</i> 2", "torch")
    assert first.said == {"gru": ("torch", 1.0), "lstm": ("pandas", 0.0)}
    assert {each.row for each in others} == {3, 4}  # split over seeds; 0 and 1 divide nobody


def test_texts_are_escaped(divided: Path) -> None:
    page = render_html(gather(divided))
    assert "<i>example" not in page and "&lt;i&gt;example&lt;/i&gt; 2" in page


def test_one_model_agrees_with_itself(store, tmp_path: Path) -> None:
    store(examples=20)
    (section,) = gather(tmp_path).sections
    assert section.agreement is None


def test_other_test_examples_are_left_out_and_said(divided: Path, store) -> None:
    store(model="cnn", examples=20)
    content = gather(divided)
    (section,) = content.sections
    assert {row.model for row in section.table.rows} == {"gru", "lstm", "cnn"}
    assert (
        section.examples.by_row.keys()
        == {row.identity for row in section.table.rows if row.model != "cnn"}
        or len(section.examples.by_row) == 1
    )
    assert any(
        "Not compared by example" in note and "not those of the others" in note
        for note in content.notes
    )


def test_missing_and_broken_predictions_are_said(divided: Path) -> None:
    (section,) = gather(divided).sections
    first, second = (row.runs[0].folder.predictions for row in section.table.rows)
    first.unlink()
    second.write_bytes(b"PAR1 not really")
    content = gather(divided)
    notes = " ".join(content.notes)
    assert "it has no predictions.parquet" in notes
    assert "predictions.parquet: expected the predictions of a run" in notes
    assert str(divided) not in notes
    assert content.sections[0].table.rows[0].score.n == 2  # they are in the table all the same
