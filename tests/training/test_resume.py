"""A run that is stopped anywhere and goes on ends as one that was never stopped, bit for bit."""

from __future__ import annotations

import errno
import logging
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.training.stopping import at, killed, result, steps_of, stopped, terminate

from seqbench.config.job import Job
from seqbench.errors import DataError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.records.store import unwritable
from seqbench.training import checkpoint_file
from seqbench.training.checkpoint_file import write_checkpoint
from seqbench.training.execute import execute
from seqbench.training.resume import STATE, best_checkpoint, last_checkpoint, resume_point

AFTER_EACH_STEP = "trainer.checkpoint_every=1e-9"
BATCHES = 10
STOPPING = "_target_: seqbench.training.callbacks.EarlyStoppingSettings, patience: 2, min_delta: 0"
VARIANTS = {
    "accumulated": ["trainer.accumulate=3", "trainer.evals_per_epoch=2", "scheduler=cosine"],
    "stopped early": [
        "model=transformer", "~model.d_hidden", "model.d_model=8", "model.num_heads=2",
        "optimizer=sgd", "optimizer.lr=1e-4", "scheduler=plateau", "trainer.max_epochs=9",
        f"+callbacks.early_stopping={{{STOPPING}}}",
    ],
    "cut short": [
        "model=gru", "trainer.max_steps=13", "trainer.clip_norm=null", "trainer.log_every=3",
        "trainer.accumulate=2", "trainer.max_epochs=4",
    ],
}  # fmt: skip


@pytest.fixture
def make(make_job: Any, tmp_path: Path) -> Callable[..., Job]:
    """Composes a job of ten small batches an epoch, each in a folder of its own."""

    def job(name: str, *overrides: str) -> Job:
        small: list[str] = ["data.batch_size=4", "trainer.max_epochs=3"]
        made: Job = make_job(*small, *overrides, f"paths.outputs={tmp_path / name}")
        return made

    return job


@pytest.mark.parametrize("variant", VARIANTS)
def test_stopped_anywhere_it_ends_as_if_it_never_was(variant: str, make: Any) -> None:
    overrides = VARIANTS[variant]
    whole = make("whole", *overrides)
    _, total = steps_of(whole)
    expected = result(RunFolder(whole.folder))
    rng = random.Random(variant)
    places = [("training_step", step) for step in rng.sample(range(1, total), 2)]
    places += [
        ("training_step", BATCHES),
        ("training_step", total),
        ("on_validation_end", 1),
        ("on_train_epoch_end", 1),
    ]
    for number, (hook, call) in enumerate(places):
        job = make(f"stopped-{number}", *overrides)
        stopped(job, hook, call)
        _, steps = steps_of(job)
        assert steps < total
        assert result(RunFolder(job.folder)) == expected, (hook, call)


def test_killed_again_and_again_it_ends_as_if_it_never_was(make: Any) -> None:
    overrides = [AFTER_EACH_STEP, "trainer.accumulate=2", "scheduler=cosine"]
    whole, job = make("whole", *overrides), make("killed", *overrides)
    execute(whole)
    tries = 0
    while killed(job, number=7):
        tries += 1
        assert RunFolder(job.folder).read_record() is None
    assert tries == 4  # six batches a try, and thirty in all
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))
    assert not last_checkpoint(RunFolder(job.folder)).exists()


def test_stopped_twice_its_seconds_are_those_of_all_tries(make: Any) -> None:
    whole, job = make("whole"), make("stopped")
    execute(whole)
    stopped(job, "training_step", 8)
    seconds = [read_metrics(job.folder / "metrics.jsonl")[-1]["seconds"]]
    stopped(job, "training_step", 9)
    seconds += [row["seconds"] for row in read_metrics(job.folder / "metrics.jsonl")]
    record, steps = steps_of(job)
    assert steps == 3 * BATCHES - 8 - 9
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))
    assert record.cost.train_seconds is not None
    assert record.cost.train_seconds > max(seconds)
    history = [row["seconds"] for row in read_metrics(job.folder / "metrics.jsonl")]
    assert history == sorted(history)


def test_with_workers_that_read_ahead_too(make: Any) -> None:
    whole, job = make("whole", "data.num_workers=1"), make("stopped", "data.num_workers=1")
    execute(whole)
    stopped(job, "training_step", 14)
    assert steps_of(job)[1] == 3 * BATCHES - 14
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_two_processes_stop_together_and_go_on(make: Any) -> None:
    def terminate_one() -> None:
        if os.environ.get("RANK") == "1":
            terminate()

    two = ["trainer.devices=2", "trainer.max_epochs=2", "trainer.accumulate=2"]
    whole, job = make("whole", *two), make("stopped", *two)
    execute(whole)
    with at("training_step", 5, terminate_one), pytest.raises(KeyboardInterrupt):
        execute(job)
    assert last_checkpoint(RunFolder(job.folder)).exists()
    execute(job)
    assert "going on from step 3" in (job.folder / "log.txt").read_text()
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_stopped_at_the_very_end_only_the_test_is_left(make: Any) -> None:
    whole, job = make("whole"), make("stopped")
    execute(whole)
    stopped(job, "on_validation_end", 3)
    assert steps_of(job)[1] == 0
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def flip_a_bit(job: Job) -> None:
    path = last_checkpoint(RunFolder(job.folder))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_off(job: Job) -> None:
    path = last_checkpoint(RunFolder(job.folder))
    path.write_bytes(path.read_bytes()[:-100])


def lose_the_best(job: Job) -> None:
    best_checkpoint(RunFolder(job.folder)).unlink()


def change_the_data(job: Job) -> None:
    train = Path(job.config["data"]["files"]["train"])
    train.write_text(train.read_text() + "a bright film,good\n")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (flip_a_bit, "last.ckpt: expected a checkpoint, got a damaged one"),
        (cut_off, "last.ckpt: expected a checkpoint, got a damaged one"),
        (lose_the_best, "best.ckpt: got No such file or directory"),
        (change_the_data, "last.ckpt: expected the same data, got another data"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_left_alone(
    harm: Callable[[Job], None],
    says: str,
    make: Any,
    reviews: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    train = tmp_path / "train.csv"
    train.write_text((reviews / "train.csv").read_text())
    job = make("harmed", f"data.files.train={train}", "trainer.max_epochs=2")
    stopped(job, "training_step", 13)
    harm(job)
    with caplog.at_level(logging.WARNING, "seqbench"):
        record, steps = steps_of(job)
    assert record.status == "completed"
    assert steps >= 2 * BATCHES
    (warning,) = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert f"{says}: training starts afresh" in warning
    rows = read_metrics(job.folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    assert len([row for row in rows if "planned/steps" in row]) == 1


def test_a_whole_checkpoint_of_another_shape_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = RunFolder(tmp_path)
    made_of: dict[str, str | None] = {"config": "a-run"}
    for state in ({}, {STATE: None}, {STATE: {"made_of": made_of, "has_best": False}}):
        write_checkpoint(last_checkpoint(folder), {"epoch": 0, "global_step": 3, **state})
        caplog.clear()
        assert resume_point(folder, made_of) is None
        assert "last.ckpt: expected our own format, got another format" in caplog.text


def test_data_that_is_away_for_a_while_costs_nothing(
    make: Any, reviews: Path, tmp_path: Path
) -> None:
    train = tmp_path / "train.csv"
    train.write_bytes((reviews / "train.csv").read_bytes())
    job = make("away", f"data.files.train={train}")
    stopped(job, "training_step", 13)
    train.rename(tmp_path / "away.csv")
    with pytest.raises(DataError):
        execute(job)
    (tmp_path / "away.csv").rename(train)
    assert steps_of(job)[1] == 3 * BATCHES - 13


def test_forced_it_starts_afresh(make: Any) -> None:
    job = make("again")
    stopped(job, "training_step", 13)
    job = replace(job, config={**job.config, "force": True})
    for _ in ("interrupted before", "completed before"):
        with at("training_step", 0, terminate) as calls:
            assert not execute(job).was_complete
        assert calls == [3 * BATCHES]


def test_a_failed_run_starts_afresh(make: Any) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    job = make("failed", AFTER_EACH_STEP)
    with at("training_step", 13, fail), pytest.raises(ZeroDivisionError):
        execute(job)
    assert steps_of(job)[1] == 3 * BATCHES


def test_a_checkpoint_that_cannot_be_written_ends_nothing(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(path: Path, content: dict[str, Any]) -> None:
        if path.name == "last.ckpt":
            raise unwritable(path, OSError(errno.ENOSPC, "No space left on device"))
        write_checkpoint(path, content)

    monkeypatch.setattr(checkpoint_file, "write_checkpoint", write)
    job = make("full", AFTER_EACH_STEP, "trainer.max_epochs=1")
    assert execute(job).record.status == "completed"
    assert "no checkpoint could be written" in caplog.text
    assert "No space left on device" in caplog.text


def test_what_was_planned_is_the_histories_first_row(make: Any) -> None:
    job = make("planned", "trainer.accumulate=3")
    stopped(job, "training_step", 13)
    execute(job)
    first, *others = read_metrics(job.folder / "metrics.jsonl")
    planned = {"planned/steps": 12.0}
    assert first == {"step": 0, "epoch": 0, "seconds": 0.0, "tokens": 0} | planned
    assert others[-1]["step"] == planned["planned/steps"]
    assert not any("planned/steps" in row for row in others)


def test_log_and_config_outlive_a_stop(make: Any) -> None:
    job = make("stopped")
    stopped(job, "training_step", 13)
    execute(job)
    log = (job.folder / "log.txt").read_text()
    assert log.index("run interrupted") < log.index("going on from step 13")
