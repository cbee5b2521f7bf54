"""`seqbench sweep hydra/sweeper=optuna`: real trainings, their report, and what is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from seqbench.records.load import load_records
from seqbench.records.searches import is_trial
from seqbench.sweeps.live import Show

Cli = Any
SEARCH = [
    "hydra/sweeper=optuna", "hydra/sweeper/sampler=random", "study=mine",
    "optimizer.lr=tag(log, interval(1e-3, 1e-1))", "task.dropout=0.0,0.3",
]  # fmt: skip


def test_a_search_from_trials_to_report(cli: Cli, tiny: list[str]) -> None:
    said = [*tiny, *SEARCH, "hydra.sweeper.n_trials=3", "hydra.sweeper.retrain_best=2"]
    ended = cli("sweep", *said, "hydra.launcher.slots=2")
    assert ended.code == 0, ended.err
    assert "validation accuracy" in ended.err
    lines = ended.out.splitlines()
    assert lines[0] == "3 trials: 3 completed"
    assert re.fullmatch(r"best: trial [0-2]: validation/accuracy [01]\.\d{4}", lines[1])
    assert [line.partition("=")[0] for line in lines[2:4]] == ["  optimizer.lr", "  task.dropout"]
    assert lines[4] == "2 runs: 2 completed"
    assert re.fullmatch(
        r"trial [0-2] again: test accuracy \S+ \(95 % interval \S+ to \S+\) over 2 fresh seeds",
        lines[5],
    )
    assert lines[-1] == "report: outputs/mine/report/report.html"
    runs = load_records("outputs/mine").records
    assert sorted((is_trial(run.config), run.seed) for run in runs) == [
        (False, 1), (False, 2), (True, 0), (True, 0), (True, 0),
    ]  # fmt: skip
    report = json.loads(Path("outputs/mine/report/report.json").read_text())
    (section,) = report["tables"]
    assert [row["seeds"] for row in section["rows"]] == [[1, 2]]
    assert section["search"]["keys"] == ["optimizer.lr", "task.dropout"]
    finals = [run.scores.test["accuracy"] for run in runs if not is_trial(run.config)]
    mean = sum(value or 0.0 for value in finals) / 2
    assert section["rows"][0]["scores"]["accuracy"]["mean"] == pytest.approx(mean)

    again = cli("sweep", *said, "dry_run=true")
    assert again.out.splitlines() == [
        "optimizer.lr: 0.001 to 0.1, logarithmic",
        "task.dropout: 0.0,0.3",
        "maximize validation/accuracy",
        "sampler Random, pruner none, seed 0",
        "3 trials, then the winner on 2 fresh seeds; so far 3 completed",
    ]
    more = cli("sweep", *said, "report=false")
    assert more.out.splitlines()[0] == "3 trials: 3 completed"
    assert "2 runs: 2 completed (2 of them before)" in more.out
    watched = cli("sweep", *said, "watch=true")
    assert watched.code == 0


def test_a_finished_search_has_a_report_without_a_run_of_now(
    cli: Cli, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [*tiny, *SEARCH, "hydra/launcher=basic", "hydra.sweeper.retrain_best=0"]
    first = cli("sweep", *said, "hydra.sweeper.n_trials=1", "report=false")
    assert first.code == 0, first.err
    to_come: list[int] = []

    class Noted(Show):
        def __init__(self, *given: Any, **named: Any) -> None:
            to_come.append(named["to_come"])
            super().__init__(*given, **named)

    monkeypatch.setattr("seqbench.verbs.tune.Show", Noted)
    again = cli("sweep", *said, "hydra.sweeper.n_trials=1")
    assert again.code == 0, again.err
    assert again.out.splitlines()[-1] == "report: outputs/mine/report/report.html"
    assert to_come == [0]
    monkeypatch.setattr("seqbench.sweeps.tuning.tuning.code_hash", lambda _: "changed")
    other = cli("sweep", *said, "hydra.sweeper.n_trials=1", "report=false")
    assert other.code == 0, other.err
    assert (
        "stale: the trials: their code, libraries or data changed since; rerun=stale does the "
        "search again"
    ) in other.out.splitlines()
    more = cli("sweep", *said, "hydra.sweeper.n_trials=2")
    assert more.code == 2
    assert "code: expected " in more.err


def test_a_search_without_a_success(cli: Cli, tiny: list[str]) -> None:
    ended = cli(
        "sweep", *tiny, "hydra/sweeper=optuna", "study=mine", "hydra.sweeper.n_trials=2",
        "hydra/launcher=basic", "optimizer=sgd", "optimizer.lr=1e37,1e38",
        "trainer.clip_norm=null", "trainer.max_epochs=1",
    )  # fmt: skip
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0] == "2 trials: 2 failed"
    assert all("training diverged at step" in line for line in lines[1:3])


def test_a_baseline_is_searched_like_any_model(cli: Cli, tiny: list[str]) -> None:
    said = [line for line in tiny if not line.startswith(("inputs.", "model."))]
    ended = cli(
        "sweep", *said, "hydra/sweeper=optuna", "study=mine", "hydra.sweeper.n_trials=2",
        "hydra/launcher=basic", "model=baseline/naive_bayes", "model.alpha=interval(0.1, 1)",
        "hydra.sweeper.objective=validation/loss", "hydra.sweeper.retrain_best=1", "report=false",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "best: trial " in ended.out
    assert "validation/loss" in ended.out
