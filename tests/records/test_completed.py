from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seqbench.errors import RecordError
from seqbench.records.completed import completed_run
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunError, RunRecord


def store(path: Path, record: RunRecord) -> Path:
    path.mkdir(parents=True)
    RunFolder(path).write_record(record)
    return path


def test_a_run_is_named_by_its_folder_its_record_or_its_study(
    tmp_path: Path, record: RunRecord
) -> None:
    path = store(tmp_path / "study" / "run", record)
    for named in (path, str(path), path / "record.json", tmp_path / "study"):
        run = completed_run(named)
        assert (run.folder.path, run.record) == (path, record)


def test_a_study_of_several(tmp_path: Path, record: RunRecord) -> None:
    first = store(tmp_path / "a", record)
    store(tmp_path / "b", record)
    with pytest.raises(RecordError, match=rf"got a study of 2; name one of them, e\.g\. {first}"):
        completed_run(tmp_path)


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_a_run_that_did_not_complete(status: str, tmp_path: Path, record: RunRecord) -> None:
    error = RunError(type="TrainingError", message="it diverged")
    path = store(tmp_path / "run", replace(record, status=status, error=error))
    with pytest.raises(RecordError, match=f"got one that {status}: it diverged; train it again"):
        completed_run(path)


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("nothing", "no such folder"),
        ("nothing/record.json", "no such folder"),
        ("empty", "no record.json"),
        ("empty/record.json", "no record.json"),
        ("notes.txt", "a file"),
    ],
)
def test_where_there_is_no_run(name: str, got: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(RecordError, match=rf"expected the folder of a completed run.*got {got};"):
        completed_run(tmp_path / name)
