"""`seqbench sweep`: every run, its failures told, and the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seqbench.records.load import load_records
from seqbench.tasks.classification import Classification

Cli = Any
ONE_BY_ONE = "hydra/launcher=basic"


def test_some_jobs_of_a_pool_fail_and_the_others_complete(cli: Cli, tiny: list[str]) -> None:
    ended = cli(
        "sweep", *tiny, "study=mine", "trainer.max_epochs=1", "optimizer=sgd", "seed=0,1",
        "optimizer.lr=0.1,1e38", "trainer.clip_norm=null", "hydra.launcher.slots=2",
    )  # fmt: skip
    assert ended.code == 1
    progress = ended.err.splitlines()
    assert progress[0] == "study mine, 4 runs: 4 queued"
    states = [re.fullmatch(r"\[(\d)/4\] (\S+): (.*)", line) for line in progress[1:]]
    assert [state.group(1) for state in states if state] == ["1", "2", "3", "4"]
    results = [state.group(3) for state in states if state]
    assert sum(result.startswith("test accuracy 0.") for result in results) == 2
    assert sum("training diverged" in result for result in results) == 2
    lines = ended.out.splitlines()
    assert lines[0] == "4 runs: 2 completed, 2 failed"
    failed = [
        re.match(r"failed: (\S+): .*training diverged at step", line) for line in lines[1:5:2]
    ]
    assert lines[2:5:2] == [
        f"  log: outputs/mine/{each.group(1)}/log.txt" for each in failed if each
    ]
    assert re.fullmatch(r"\d+ s; \d+ s of training, 2 at once", lines[5])
    assert lines[-1] == "report: outputs/mine/report/report.html"
    page = Path("outputs/mine/report/report.html").read_text()
    markdown = Path("outputs/mine/report/report.md").read_text()
    stored = [run.folder.path.name for run in load_records("outputs/mine").runs
              if run.record.status == "failed"]  # fmt: skip
    assert stored == sorted(each.group(1) for each in failed if each)
    for run_id in stored:
        assert run_id in page
        assert run_id in markdown
    assert "training diverged" in page


def test_a_run_of_the_pool_is_the_run_that_train_does(cli: Cli, tiny: list[str]) -> None:
    cli("sweep", *tiny, "study=pool", "seed=0,1", "report=false", "logger=offline")
    (pooled, other) = load_records("outputs/pool").runs
    assert other.record.provenance.command.startswith("pytest") is False
    cli("train", *tiny, "study=alone")
    (alone,) = load_records("outputs/alone").runs
    assert alone.record.scores == pooled.record.scores
    for name in ("predictions.parquet", "checkpoints/best.ckpt"):
        assert (alone.folder.path / name).read_bytes() == (pooled.folder.path / name).read_bytes()
    for run in (pooled, other):
        assert len(list(run.folder.path.glob("wandb/offline-run-*/*.wandb"))) == 1
        assert "WARNING" not in run.folder.log.read_text()


def test_a_job_without_data_fails_alone_and_is_recorded(
    cli: Cli, tiny: list[str], reviews: Path
) -> None:
    train = f"data.files.train={reviews / 'train.csv'},{reviews / 'nowhere.csv'}"
    others = [item for item in tiny if not item.startswith("data.files.train")]
    arguments = ["sweep", *others, train, "study=two", "trainer.max_epochs=1", "report=false"]
    ended = cli(*arguments, ONE_BY_ONE)
    assert ended.code == 1
    assert "2 runs: 1 completed, 1 failed" in ended.out
    assert "nowhere.csv: expected a file, got nothing there" in ended.out
    statuses = [run.record.status for run in load_records("outputs/two").runs]
    assert sorted(statuses) == ["completed", "failed"]
    ended = cli(*arguments, ONE_BY_ONE, "retry_failed=false")
    assert ended.code == 1
    assert "nowhere.csv" in ended.out


def test_again_only_what_is_missing_is_done(cli: Cli, tiny: list[str]) -> None:
    arguments = ["sweep", *tiny, "study=again", "trainer.max_epochs=1", "report=false", ONE_BY_ONE]
    cli(*arguments, "seed=0")
    before = {path: path.stat().st_mtime_ns for path in Path("outputs").rglob("record.json")}
    ended = cli(*arguments, "seed=0,1")
    assert (ended.code, ended.out.splitlines()[0]) == (0, "2 runs: 2 completed (1 of them before)")
    after = {path: path.stat().st_mtime_ns for path in Path("outputs").rglob("record.json")}
    assert len(after) == 2
    assert before.items() <= after.items()


def test_records_of_other_data_are_named_and_done_again_when_asked(
    cli: Cli, tiny: list[str], reviews: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.csv"
    own.write_text((reviews / "train.csv").read_text())
    others = [item for item in tiny if not item.startswith("data.files.train")]
    arguments = ["sweep", *others, f"data.files.train={own}", "study=stale",
                 "trainer.max_epochs=1", "report=false", "seed=0,1", ONE_BY_ONE]  # fmt: skip
    cli(*arguments)
    own.write_text(own.read_text() + "a warm film,good\n")
    ended = cli(*arguments)
    runs = [run.folder.path.name for run in load_records("outputs/stale").runs]
    assert ended.out.splitlines()[:4] == [
        "2 runs: 2 completed (2 of them before)",
        f"stale: {runs[0]}: its data changed since",
        f"stale: {runs[1]}: its data changed since",
        "rerun=stale does stale runs again",
    ]
    ended = cli(*arguments, "rerun=stale")
    assert ended.out.splitlines()[0] == "2 runs: 2 completed"
    assert "stale" not in cli(*arguments).out


def test_train_dash_m_is_a_sweep(cli: Cli, tiny: list[str]) -> None:
    ended = cli("train", "-m", *tiny, "study=multi", "trainer.max_epochs=1", "seed=0,1", ONE_BY_ONE)
    assert ended.code == 0
    assert ended.out.startswith("2 runs: 2 completed\n")
    assert Path("outputs/multi/report/report.html").exists()


def test_a_dry_run_lists_runs_with_state_and_cost_and_makes_nothing(
    cli: Cli, tiny: list[str]
) -> None:
    arguments = ["sweep", *tiny, "study=dry", "trainer.max_epochs=1"]
    ended = cli(*arguments, "seed=0,1", "dry_run=true")
    assert (ended.code, ended.err) == (0, "")
    assert [re.sub(r"-[0-9a-f]{8}", "", line) for line in ended.out.splitlines()] == [
        "text_classification-lstm-s0  to do  cost unknown",
        "text_classification-lstm-s1  to do  cost unknown",
        "2 runs: 2 to do, 2 runs of unknown cost",
    ]
    assert not Path("outputs").exists()
    cli(*arguments, "seed=0", "report=false", ONE_BY_ONE)
    lines = cli(*arguments, "seed=0,1", "dry_run=true").out.splitlines()
    assert lines[0].endswith("  completed")
    assert re.search(r"to do +about \d+ s$", lines[1])
    assert re.fullmatch(r"2 runs: 1 completed, 1 to do, about \d+ s on 1 slot", lines[2])


def test_a_finished_sweep_can_be_watched(cli: Cli, tiny: list[str]) -> None:
    arguments = ["sweep", *tiny, "study=seen", "trainer.max_epochs=1", "report=false"]
    cli(*arguments, ONE_BY_ONE)
    ended = cli(*arguments, "watch=true")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "study seen, 1 run: 1 completed\n"


def test_ctrl_c_ends_the_sweep_with_130(
    cli: Cli, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Classification, "training_step", ctrl_c)
    ended = cli("sweep", *tiny, "study=stopped", "seed=0,1", "report=false", ONE_BY_ONE)
    assert ended.code == 130
    assert ended.out.startswith("2 runs: 2 interrupted\n")
    (run,) = load_records("outputs/stopped").runs
    assert run.record.status == "interrupted"
