"""A run's record, however it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.stopping import record_of

from seqbench.errors import TrainingError
from seqbench.records.metrics import read_metrics
from seqbench.records.predictions import read_predictions
from seqbench.scores import classification_scores
from seqbench.training.execute import execute

DIVERGE = ["optimizer=sgd", "optimizer.lr=1e38", "trainer.clip_norm=null"]


def test_a_completed_networks_record(network_run: Path) -> None:
    record = record_of(network_run)
    assert (record.status, record.error, record.seed) == ("completed", None, 0)
    cost = record.cost
    assert (cost.epochs, cost.steps) == (2, 10)
    assert cost.parameters is not None
    assert cost.parameters_without_embeddings is not None
    lstm, head = 4 * 5 * (6 + 5 + 2), 5 * 2 + 2
    assert cost.parameters_without_embeddings == lstm + head
    for seconds in (cost.train_seconds, cost.setup_seconds, cost.test_seconds):
        assert seconds is not None
        assert 0 < seconds < 60
    assert cost.peak_memory_bytes is not None
    assert record.provenance.device == "cpu"
    assert record.provenance.data_fingerprint
    assert record.provenance.tokenizer_fingerprint
    assert set(record.provenance.overlaps or {}) == {
        "train/validation", "train/test", "validation/test",
    }  # fmt: skip
    left = {entry.name for entry in network_run.iterdir()}
    assert left - {"log.txt"} == {
        ".lock", "checkpoints", "config.yaml", "metrics.jsonl", "predictions.parquet",
        "record.json", "tokenizer.json",
    }  # fmt: skip
    assert [file.name for file in (network_run / "checkpoints").iterdir()] == ["best.ckpt"]


def test_tokens_are_those_of_the_training_split_in_every_epoch(
    network_run: Path, reviews: Path
) -> None:
    texts = [line.split(",")[0] for line in (reviews / "train.csv").read_text().split("\n")[1:-1]]
    assert record_of(network_run).cost.tokens == 2 * sum(len(text.split()) for text in texts)


def test_the_history_has_the_step_that_each_row_belongs_to(network_run: Path) -> None:
    rows = read_metrics(network_run / "metrics.jsonl")
    training = [(row["epoch"], row["step"]) for row in rows if "train/loss" in row]
    validation = [(row["epoch"], row["step"]) for row in rows if "validation/loss" in row]
    assert training == [(0, 2), (0, 4), (0, 5), (1, 6), (1, 8), (1, 10)]
    assert validation == [(0, 5), (1, 10)]
    assert rows[-1]["tokens"] == record_of(network_run).cost.tokens
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)


def test_the_records_validation_scores_are_those_of_the_best_epoch(network_run: Path) -> None:
    rows = read_metrics(network_run / "metrics.jsonl")
    by_epoch = {row["epoch"]: row for row in rows if "validation/loss" in row}
    scores = record_of(network_run).scores
    best = max(by_epoch, key=lambda epoch: (by_epoch[epoch]["validation/accuracy"], -epoch))
    assert scores.best_epoch == best
    assert scores.validation == {
        name.removeprefix("validation/"): value
        for name, value in by_epoch[best].items()
        if name.startswith("validation/")
    }


def test_test_scores_can_be_recomputed_from_the_predictions(network_run: Path) -> None:
    found = read_predictions(network_run / "predictions.parquet")
    assert np.array_equal(found.rows, np.arange(13))
    scores = classification_scores(
        targets=found.targets,
        probabilities=found.probabilities,
        lengths=found.lengths,
        label_names=["bad", "good"],
    )
    record = record_of(network_run)
    assert record.scores.test == scores.scores
    assert record.scores.confusion == scores.confusion


def test_predictions_keep_the_beginning_of_every_text(
    network_run: Path, baseline_run: Path, reviews: Path
) -> None:
    texts = [line.split(",")[0] for line in (reviews / "test.csv").read_text().split("\n")[1:-1]]
    for folder in (network_run, baseline_run):
        assert read_predictions(folder / "predictions.parquet").texts == tuple(texts)


def test_of_a_part_of_the_split_they_are_that_parts_texts(make_job: Any, reviews: Path) -> None:
    job = make_job("trainer.limit_eval_batches=1", "data.batch_size=2", "trainer.max_steps=1")
    execute(job)
    found = read_predictions(job.folder / "predictions.parquet")
    texts = [line.split(",")[0] for line in (reviews / "test.csv").read_text().split("\n")[1:-1]]
    assert 0 < len(found.rows) < len(texts)
    assert found.texts == tuple(texts[row] for row in found.rows)


def test_without_the_data_a_run_completes_without_texts(
    make_job: Any, reviews: Path, tmp_path: Path, in_third_step: Any
) -> None:
    copies = {split: tmp_path / f"{split}.csv" for split in ("train", "validation", "test")}
    for split, copy in copies.items():
        copy.write_text((reviews / f"{split}.csv").read_text() + "a last film,good\n")
    files = [f"data.files.{split}={copy}" for split, copy in copies.items()]
    execute(make_job(*files))  # its token cache is all that a training needs
    in_third_step(lambda: copies["test"].unlink(missing_ok=True))
    job = make_job(*files, "seed=1")
    assert execute(job).record.status == "completed"
    assert read_predictions(job.folder / "predictions.parquet").texts is None
    assert "predictions are kept without texts: " in (job.folder / "log.txt").read_text()


def test_a_baselines_record_is_an_ordinary_one(baseline_run: Path) -> None:
    record = record_of(baseline_run)
    assert (record.status, record.scores.best_epoch) == ("completed", None)
    assert record.scores.test.keys() == record.scores.validation.keys()
    assert (record.cost.epochs, record.cost.steps, record.cost.tokens) == (None, None, None)
    assert record.cost.parameters
    assert (baseline_run / "predictions.parquet").exists()
    assert not (baseline_run / "metrics.jsonl").exists()


def test_stopped_before_the_first_validation_a_run_is_scored_all_the_same(make_job: Any) -> None:
    job = make_job("trainer.max_steps=2")
    done = execute(job).record
    assert (done.status, done.cost.steps) == ("completed", 2)
    assert set(done.scores.validation) >= {"accuracy", "loss"}
    assert (done.scores.best_epoch, done.cost.epochs) == (0, 0)
    history = read_metrics(job.folder / "metrics.jsonl")
    assert {row["epoch"] for row in history} == {0}


def test_a_run_that_diverges_fails_with_what_is_known(make_job: Any) -> None:
    job = make_job(*DIVERGE)
    with pytest.raises(TrainingError) as caught:
        execute(job)
    record = record_of(job.folder)
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.type == "Diverged"
    assert record.error.message == caught.value.line()
    assert record.error.message.startswith("training diverged at step ")
    assert "(learning rate " in record.error.message
    details = record.error.details
    assert set(details) == {"step", "epoch", "learning_rate", "gradient_norm", "last_finite"}
    assert (details["epoch"], details["learning_rate"]) == (0, 1e38)
    assert details["gradient_norm"] > 0
    step, last = details["step"], details["last_finite"]
    assert f"at step {step}: " in record.error.message
    assert f"last finite train/loss {last['train/loss']:.4g}" in record.error.message
    assert 0.5 < last["train/loss"] < 0.9  # the first step's: the next one overflows
    last_row = read_metrics(job.folder / "metrics.jsonl")[-1]
    assert (last_row["step"], last_row["train/loss"]) == (step, None)
    assert "Traceback" in record.error.traceback
    assert "training diverged" in (job.folder / "log.txt").read_text()
    assert not (job.folder / "predictions.parquet").exists()


def test_a_bug_leaves_a_record_too(make_job: Any, in_third_step: Any) -> None:
    def bug() -> None:
        raise ZeroDivisionError("a bug")

    in_third_step(bug)
    job = make_job()
    with pytest.raises(ZeroDivisionError):
        execute(job)
    error = record_of(job.folder).error
    assert error is not None
    assert (error.type, error.message) == ("ZeroDivisionError", "a bug")


def _ctrl_c() -> None:
    raise KeyboardInterrupt


def _sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("stop", [_ctrl_c, _sigterm])
def test_told_to_stop_a_run_is_interrupted(
    stop: Callable[[], None], make_job: Any, in_third_step: Any
) -> None:
    in_third_step(stop)
    job = make_job()
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        execute(job)
    assert record_of(job.folder).status == "interrupted"
    # Lightning would have the next Ctrl-C ignored.
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_checkpoints_hold_plain_containers(network_run: Path) -> None:
    loaded = torch.load(network_run / "checkpoints" / "best.ckpt", weights_only=True)
    assert "state_dict" in loaded
    assert loaded["spec"]["label_names"] == ["bad", "good"]
