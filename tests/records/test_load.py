from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.load import load_records
from seqbench.records.record import RunRecord


def store(path: Path, record: RunRecord, **changes: object) -> None:
    path.mkdir(parents=True)
    RunFolder(path).write_record(replace(record, **changes))


def test_runs_are_sorted_and_nothing_is_dropped_silently(tmp_path: Path, record: RunRecord) -> None:
    store(tmp_path / "b" / "2", record, study="b", run_id="r1")
    store(tmp_path / "a" / "1", record, study="a", run_id="r3")
    store(tmp_path / "a" / "0", record, study="a", run_id="r2", status="failed")
    (tmp_path / "a" / "broken").mkdir()
    (tmp_path / "a" / "broken" / "record.json").write_text("{")
    (tmp_path / "a" / "killed").mkdir()
    (tmp_path / "a" / "killed" / "config.yaml").write_text("seed: 0\n")
    loaded = load_records(tmp_path)
    assert [(r.study, r.run_id) for r in loaded.records] == [("a", "r2"), ("a", "r3"), ("b", "r1")]
    assert [problem.path.name for problem in loaded.problems] == ["broken", "killed"]
    assert "expected a record in JSON" in loaded.problems[0].message
    assert "no record yet" in loaded.problems[1].message


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_the_same_evidence_counts_once(
    tmp_path: Path, record: RunRecord, first: str, second: str
) -> None:
    store(tmp_path / first / "run", record, status="interrupted")
    store(tmp_path / second / "run", record)
    loaded = load_records([tmp_path, str(tmp_path / "b"), tmp_path / "b" / "run"])
    assert [run.folder.path for run in loaded.runs] == [tmp_path / second / "run"]
    assert [problem.path for problem in loaded.problems] == [tmp_path / first / "run"]
    assert "counted once" in loaded.problems[0].message


def test_checkpoints_and_wandb_are_not_searched(tmp_path: Path, record: RunRecord) -> None:
    store(tmp_path / "run", record)
    (tmp_path / "run" / "wandb").mkdir()
    (tmp_path / "run" / "wandb" / "config.yaml").write_text("")
    loaded = load_records(tmp_path / "run")
    assert len(loaded.runs) == 1 and not loaded.problems


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none: expected a run folder.*got nothing there"):
        load_records(tmp_path / "none")
