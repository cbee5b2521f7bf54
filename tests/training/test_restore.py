"""A finished run from its folder alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.errors import DataError, RecordError
from seqbench.records.predictions import read_predictions
from seqbench.tasks.task import Task
from seqbench.training.evaluate import score_file, score_split
from seqbench.training.restore import restore

RUNS = ["network_run", "baseline_run"]


def texts_of(file: Path) -> list[str]:
    return [line.rpartition(",")[0] for line in file.read_text().splitlines()[1:]]


@pytest.mark.parametrize("name", RUNS)
def test_its_probabilities_are_those_of_the_record(
    name: str, reviews: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(name)
    run = restore(folder)
    assert run.label_names == ("bad", "good")
    recorded = read_predictions(folder / "predictions.parquet").probabilities
    assert np.array_equal(run.probabilities(texts_of(reviews / "test.csv")), recorded)


@pytest.mark.parametrize("name", RUNS)
def test_it_needs_neither_its_data_nor_its_place(
    name: str, tmp_path: Path, reviews: Path, request: pytest.FixtureRequest
) -> None:
    shutil.copytree(request.getfixturevalue(name), tmp_path / "elsewhere")
    run = restore(tmp_path / "elsewhere")
    run.datamodule.source.files = None  # type: ignore[attr-defined]
    assert run.probabilities(["a fine film", ""]).shape == (2, 2)


@pytest.mark.parametrize("name", RUNS)
def test_scores_of_the_test_split_are_the_records(
    name: str, reviews: Path, request: pytest.FixtureRequest
) -> None:
    run = restore(request.getfixturevalue(name))
    for scores in (
        score_split(run, "test"),
        score_file(run, str(reviews / "test.csv"), text_column=None, label_column=None),
    ):
        assert scores.scores.test == run.record.scores.test
        assert scores.scores.confusion == run.record.scores.confusion
        assert scores.scores.per_length == run.record.scores.per_length


def test_the_validation_scores_are_the_records_too(network_run: Path) -> None:
    run = restore(network_run)
    found = score_split(run, "validation").scores.test
    recorded = run.record.scores.validation
    for name in ("accuracy", "macro_f1", "loss", "calibration_error"):
        assert found[name] == pytest.approx(recorded[name], abs=1e-6), name


def test_a_file_with_a_label_that_the_run_does_not_know(network_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("review,stars\na film,good\na plot,god\n")
    with pytest.raises(DataError, match=r"label of example 2: .* got 'god'; did you mean 'good'"):
        score_file(
            restore(network_run),
            str(tmp_path / "new.csv"),
            text_column="review",
            label_column="stars",
        )


def test_no_memory_for_it_is_no_damage_to_the_run(
    network_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Task, "to", full)
    with pytest.raises(torch.OutOfMemoryError):
        restore(network_run)


def test_a_study_of_one_run_is_that_run(network_run: Path, tmp_path: Path) -> None:
    assert restore(network_run.parent).record.run_id == network_run.name
    shutil.copytree(network_run, tmp_path / "study" / "one")
    shutil.copytree(network_run, tmp_path / "study" / "two")
    with pytest.raises(RecordError, match=r"expected one run, got a study of 2; name one of them"):
        restore(tmp_path / "study")


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"run .*nowhere: expected the folder of a .* no such"):
        restore(tmp_path / "nowhere")
    with pytest.raises(RecordError, match=r"got no record\.json; train it first"):
        restore(tmp_path)


def test_a_run_that_failed(network_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(network_run, tmp_path / "run")
    record = copy / "record.json"
    record.write_text(record.read_text().replace('"completed"', '"interrupted"'))
    with pytest.raises(RecordError, match=r"expected a completed run, got one that .*interrupted"):
        restore(copy)


@pytest.mark.parametrize(
    ("name", "file"), [("network_run", "best.ckpt"), ("baseline_run", "baseline.npz")]
)
@pytest.mark.parametrize("harm", ["cut", "flipped", "gone", "other"])
def test_a_checkpoint_that_is_damaged(
    name: str, file: str, harm: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    copy = shutil.copytree(request.getfixturevalue(name), tmp_path / "run")
    path = copy / "checkpoints" / file
    if harm == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        half = len(content) // 2
        harmed = {
            "cut": content[:half],
            "flipped": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
            "other": b"not a checkpoint",
        }
        path.write_bytes(harmed[harm])
    with pytest.raises(RecordError, match=r"expected a (checkpoint of this run|saved baseline)"):
        restore(copy)


def test_a_tokenizer_that_is_gone(network_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(network_run, tmp_path / "run")
    (copy / "tokenizer.json").unlink()
    with pytest.raises((RecordError, DataError), match=r"tokenizer\.json"):
        restore(copy)
