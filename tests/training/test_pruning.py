"""A trial that its search gives up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.training.conftest import MakeJob
from tests.training.stopping import at, result, stopped

from seqbench.config.job import Job
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.records.searches import SEARCH
from seqbench.training import pruning
from seqbench.training.execute import execute

TRIAL = {"phase": "trial", "sampler": "Random", "at_random": True, "pruner": "Median"}


def trial(job: Job) -> Job:
    return replace(job, config={**job.config, SEARCH: TRIAL})


def prune(job: Job) -> Any:
    """What the sweeper does."""
    return lambda: RunFolder(job.folder).prune.write_text("{}")


def no_test(self: Any, *_: Any, **__: Any) -> None:
    raise AssertionError("the test split was read")


def test_it_ends_after_the_validation_and_never_sees_the_test_split(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = trial(make_job("trainer.max_epochs=4"))
    monkeypatch.setattr("pytorch_lightning.Trainer.test", no_test)
    with at("on_validation_epoch_end", 2, prune(job)):
        done = execute(job)
    record, folder = done.record, RunFolder(job.folder)
    assert (record.status, record.error, done.was_complete) == ("pruned", None, False)
    assert folder.read_record() == record
    rows = [row for row in read_metrics(folder.metrics) if "validation/accuracy" in row]
    assert len(rows) == 2
    best = max(rows, key=lambda row: (row["validation/accuracy"], -row["epoch"]))
    assert record.scores.validation["accuracy"] == best["validation/accuracy"]
    assert record.scores.best_epoch == best["epoch"]
    assert record.scores.primary is not None
    assert (record.scores.test, record.scores.per_class, record.cost.test_seconds) == ({}, {}, None)
    assert record.cost.steps == rows[-1]["step"]
    assert not folder.predictions.exists()
    assert [file.name for file in folder.checkpoints.iterdir()] == ["best.ckpt"]


def test_it_ends_between_steps_too(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "LOOK_SECONDS", 0.0)
    job = trial(make_job("trainer.max_epochs=4"))
    with at("training_step", 7, prune(job)) as steps:
        record = execute(job).record
    assert (record.status, record.cost.steps, steps) == ("pruned", 7, [7])
    assert record.scores.best_epoch == 0


def test_it_ends_before_its_first_validation(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "LOOK_SECONDS", 0.0)
    job = trial(make_job())
    with at("training_step", 1, prune(job)):
        record = execute(job).record
    assert (record.status, record.scores.validation, record.scores.best_epoch) == (
        "pruned", {}, None,
    )  # fmt: skip


def test_a_trial_that_is_let_be_is_the_run_that_it_would_be(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, watched = make_job("study=a"), trial(make_job("study=b"))
    monkeypatch.setattr(pruning, "LOOK_SECONDS", 0.0)
    execute(alone)
    execute(watched)
    assert result(RunFolder(alone.folder)) == result(RunFolder(watched.folder))


def test_only_a_trial_is_given_up(make_job: MakeJob) -> None:
    job = make_job()
    with at("training_step", 1, prune(job)):
        assert execute(job).record.status == "completed"


def test_what_was_given_up_is_trained_in_full_when_somebody_wants_it(make_job: MakeJob) -> None:
    job, other = make_job("study=a"), make_job("study=b")
    with at("on_validation_epoch_end", 1, prune(job)):
        assert execute(trial(job)).record.status == "pruned"
    done = execute(job)
    assert (done.record.status, done.was_complete) == ("completed", False)
    execute(other)
    assert result(RunFolder(job.folder)) == result(RunFolder(other.folder))


def test_an_interrupted_trial_that_was_given_up_meanwhile_ends_at_once(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "LOOK_SECONDS", 0.0)
    job = trial(make_job("trainer.max_epochs=4"))
    stopped(job, "training_step", 7)
    prune(job)()
    with at("training_step", 0, lambda: None) as steps:
        record = execute(job).record
    assert (record.status, steps) == ("pruned", [1])
    assert record.scores.best_epoch == 0


def test_two_processes_end_together(make_job: MakeJob) -> None:
    job = trial(make_job("trainer.max_epochs=4", "trainer.devices=2"))
    with at("on_validation_epoch_end", 1, prune(job)):
        record = execute(job).record
    assert record.status == "pruned"
    assert len([r for r in _history(job.folder) if "validation/loss" in r]) == 1


def _history(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
