"""`seqbench sweep`: every run, its failures told, and the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seqbench.records.load import load_records
from seqbench.tasks.classification import Classification

Cli = Any


def test_one_job_fails_and_the_others_complete(cli: Cli, tiny: list[str]) -> None:
    ended = cli(
        "sweep", *tiny, "study=mine", "trainer.max_epochs=1", "optimizer=sgd", "seed=0,1",
        "optimizer.lr=0.1,1e38", "trainer.clip_norm=null",
    )  # fmt: skip
    assert ended.code == 1
    progress = ended.err.splitlines()
    assert progress[0] == "study mine: 4 runs"
    states = [re.fullmatch(r"\[(\d)/4\] (\S+): (.*)", line) for line in progress[1:]]
    assert [state.group(1) for state in states if state] == ["1", "2", "3", "4"]
    results = [state.group(3) for state in states if state]
    assert sum(result.startswith("test accuracy 0.") for result in results) == 2
    assert sum("training diverged" in result for result in results) == 2
    lines = ended.out.splitlines()
    assert lines[0] == "4 runs: 2 completed, 2 failed"
    assert all(re.match(r"failed: \S+: .*training diverged at step", line) for line in lines[1:3])
    assert lines[-1] == "report: outputs/mine/report/report.html"
    page = Path("outputs/mine/report/report.html").read_text()
    markdown = Path("outputs/mine/report/report.md").read_text()
    failed = [run.folder.path.name for run in load_records("outputs/mine").runs
              if run.record.status == "failed"]  # fmt: skip
    assert len(failed) == 2
    for run_id in failed:
        assert run_id in page
        assert run_id in markdown
    assert "training diverged" in page


def test_a_job_without_data_fails_alone_and_is_recorded(
    cli: Cli, tiny: list[str], reviews: Path
) -> None:
    train = f"data.files.train={reviews / 'train.csv'},{reviews / 'nowhere.csv'}"
    others = [item for item in tiny if not item.startswith("data.files.train")]
    ended = cli("sweep", *others, train, "study=two", "trainer.max_epochs=1", "report=false")
    assert ended.code == 1
    assert "2 runs: 1 completed, 1 failed" in ended.out
    assert "nowhere.csv: expected a file, got nothing there" in ended.out
    statuses = [run.record.status for run in load_records("outputs/two").runs]
    assert sorted(statuses) == ["completed", "failed"]


def test_again_only_what_is_missing_is_done(cli: Cli, tiny: list[str]) -> None:
    arguments = ["sweep", *tiny, "study=again", "trainer.max_epochs=1", "report=false"]
    cli(*arguments, "seed=0")
    before = {path: path.stat().st_mtime_ns for path in Path("outputs").rglob("record.json")}
    ended = cli(*arguments, "seed=0,1")
    assert (ended.code, ended.out) == (0, "2 runs: 2 completed\n")
    after = {path: path.stat().st_mtime_ns for path in Path("outputs").rglob("record.json")}
    assert len(after) == 2
    assert before.items() <= after.items()


def test_train_dash_m_is_a_sweep(cli: Cli, tiny: list[str]) -> None:
    ended = cli("train", "-m", *tiny, "study=multi", "trainer.max_epochs=1", "seed=0,1")
    assert ended.code == 0
    assert ended.out.startswith("2 runs: 2 completed\n")
    assert Path("outputs/multi/report/report.html").exists()


def test_dry_run_lists_folders_and_makes_none(cli: Cli, tiny: list[str]) -> None:
    ended = cli("sweep", *tiny, "seed=0,1,2", "study=dry", "dry_run=true")
    assert (ended.code, ended.err) == (0, "")
    assert [line.rpartition("-")[0] for line in ended.out.splitlines()] == [
        f"outputs/dry/text_classification-lstm-s{seed}" for seed in range(3)
    ]
    assert not Path("outputs").exists()


def test_ctrl_c_ends_the_sweep_with_130(
    cli: Cli, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Classification, "training_step", ctrl_c)
    ended = cli("sweep", *tiny, "study=stopped", "seed=0,1", "report=false")
    assert ended.code == 130
    assert ended.out == "2 runs: 2 interrupted\n"
    (run,) = load_records("outputs/stopped").runs
    assert run.record.status == "interrupted"
