"""A run that is stopped anywhere and goes on ends as one that was never stopped, bit for bit."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.plugins import MixedPrecision
from tests.rarely import rarely
from tests.training.stopping import at, killed, result, steps_of, stopped, terminate

from seqbench.config.job import Job, freeze
from seqbench.errors import DataError, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.records.store import unwritable
from seqbench.training import checkpoint_file
from seqbench.training.checkpoint_file import read_checkpoint, write_checkpoint
from seqbench.training.execute import execute
from seqbench.training.resume import STATE, resume_point, rewind
from seqbench.training.training_files import (
    best_checkpoint,
    last_checkpoint,
    previous_checkpoint,
)

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


def forget_waiting(self: EarlyStopping, state_dict: dict[str, Any]) -> None:
    self.best_score = state_dict["best_score"]


def test_early_stopping_goes_on_waiting_and_that_matters(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = VARIANTS["stopped early"]
    whole, job = make("whole", *overrides), make("stopped", *overrides)
    _, total = steps_of(whole)
    assert total < 9 * BATCHES
    last = total // BATCHES - 2  # the epoch from whose validation on nothing was better
    stopped(job, "on_validation_end", last + 1)
    content = read_checkpoint(last_checkpoint(RunFolder(job.folder)))
    (state,) = [state for name, state in content["callbacks"].items() if "EarlyS" in name]
    assert state["wait_count"] == 1
    monkeypatch.setattr(EarlyStopping, "load_state_dict", forget_waiting)
    assert steps_of(job)[1] > total - content["global_step"]


class Scaled(pl.Trainer):
    """A trainer that scales its losses, as float16 on a GPU needs it, more every seven steps."""

    scalers: ClassVar[list[Any]] = []

    def __init__(self, **arguments: Any) -> None:
        scaler = torch.amp.GradScaler("cpu", growth_interval=7)  # type: ignore[attr-defined]
        self.scalers.append(scaler)
        precision = MixedPrecision("16-mixed", "cpu", scaler=scaler)
        precision.forward_context = contextlib.nullcontext  # type: ignore[assignment,method-assign]
        arguments |= {"plugins": [*arguments["plugins"], precision], "precision": None}
        super().__init__(**arguments)


def test_the_scale_of_losses_goes_on_and_matters(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqbench.training.trainer.pl.Trainer", Scaled)
    whole = make("whole")
    execute(whole)
    expected = Scaled.scalers[-1].state_dict()
    assert (expected["scale"], expected["_growth_tracker"]) == (2.0**20, 2)
    for number in (3, 17):
        job = make(f"stopped-{number}")
        stopped(job, "training_step", number)
        execute(job)
        assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))
        assert Scaled.scalers[-1].state_dict() == expected
    job = make("forgotten")
    stopped(job, "training_step", 17)
    monkeypatch.setattr(MixedPrecision, "load_state_dict", lambda *_: None)
    execute(job)
    assert Scaled.scalers[-1].state_dict() != expected


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


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [each for each in caplog.records if each.name.startswith("seqbench")]
    return [each.message for each in ours if each.levelno == logging.WARNING]


def lose_the_last(job: Job) -> None:
    """As killed between the two renames of a save."""
    last_checkpoint(RunFolder(job.folder)).unlink()


@pytest.mark.parametrize("harm", [flip_a_bit, *rarely(cut_off, lose_the_last)])
@pytest.mark.parametrize("number", [13, 2 * BATCHES + 1])  # the second begins an epoch
def test_the_one_before_stands_in_for_a_checkpoint_that_is_damaged(
    harm: Callable[[Job], None], number: int, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    overrides = [AFTER_EACH_STEP, "scheduler=cosine"]
    whole, job = make("whole", *overrides), make("harmed", *overrides)
    execute(whole)
    stopped(job, "training_step", number)
    harm(job)
    caplog.clear()
    assert steps_of(job)[1] == 3 * BATCHES - number + 1
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))
    told = warnings_of(caplog)
    if harm is lose_the_last:
        assert not told
    else:
        assert [line.partition("last.ckpt: ")[2] for line in told] == [
            "expected a checkpoint, got a damaged one: the one before is used"
        ]
    assert left(job) == ["best.ckpt"]


def test_where_both_are_damaged_training_starts_afresh(
    make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    whole, job = make("whole"), make("harmed", AFTER_EACH_STEP)
    execute(whole)
    stopped(job, "training_step", 13)
    flip_a_bit(job)
    previous = previous_checkpoint(RunFolder(job.folder))
    previous.write_bytes(previous.read_bytes()[:100])
    caplog.clear()
    assert steps_of(job)[1] == 3 * BATCHES
    assert [line.rpartition(": ")[2] for line in warnings_of(caplog)] == [
        "the one before is used",
        "training starts afresh",
    ]
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_who_goes_back_finds_the_best_weights_of_then(make: Any) -> None:
    """Even if training then goes another way, the weights are those that the scores are of."""
    job = make("harmed", AFTER_EACH_STEP, "optimizer=sgd", "optimizer.lr=0.5")
    folder = RunFolder(job.folder)
    steps: list[int] = []
    for epoch in (1, 2):  # stopped where the epoch's first batch is about to be trained on
        stopped(job, "on_validation_end", 1)
        content = read_checkpoint(last_checkpoint(folder))
        steps.append(content[STATE]["best"])
        assert content["global_step"] == epoch * BATCHES
    assert steps == [BATCHES, 2 * BATCHES], "the second validation should be the better one"
    assert left(job) == ["best-10.ckpt", "best.ckpt", "last.ckpt", "previous.ckpt"]
    old = read_checkpoint(folder.checkpoints / "best-10.ckpt")["state_dict"]
    flip_a_bit(job)
    made_of = content[STATE]["made_of"]
    point = resume_point(folder, made_of)
    assert point is not None
    assert (point.path, point.best) == (
        previous_checkpoint(folder),
        folder.checkpoints / "best-10.ckpt",
    )
    rewind(folder, point)
    assert left(job) == ["best.ckpt", "last.ckpt"]
    best = read_checkpoint(best_checkpoint(folder))
    assert best["global_step"] == BATCHES
    assert all(torch.equal(best["state_dict"][name], weight) for name, weight in old.items())


def test_a_run_that_starts_afresh_forgets_that_a_search_gave_it_up(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.prune.write_text("{}")
    rewind(folder, None)
    assert not folder.prune.exists()


def left(job: Job) -> list[str]:
    return sorted(path.name for path in RunFolder(job.folder).checkpoints.iterdir())


def lose_the_best(job: Job) -> None:
    best_checkpoint(RunFolder(job.folder)).unlink()


def change_the_data(job: Job) -> None:
    train = Path(job.config["data"]["files"]["train"])
    train.write_text(train.read_text() + "a bright film,good\n")


def lose_some_history(job: Job) -> None:
    with RunFolder(job.folder).metrics.open("r+b") as file:
        file.truncate(40)


def other_versions(job: Job) -> None:
    """As if the packages had been updated since."""
    path = last_checkpoint(RunFolder(job.folder))
    content = read_checkpoint(path)
    content[STATE]["made_of"]["versions"]["torch"] = "1.0"
    write_checkpoint(path, content)


def other_hardware(job: Job) -> None:
    path = last_checkpoint(RunFolder(job.folder))
    content = read_checkpoint(path)
    content[STATE]["made_of"]["hardware"] = "cuda"
    write_checkpoint(path, content)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (flip_a_bit, "last.ckpt: expected a checkpoint, got a damaged one"),
        (cut_off, "last.ckpt: expected a checkpoint, got a damaged one"),
        (lose_the_best, "best.ckpt: got No such file or directory"),
        (lose_some_history, "or more, got 40 in metrics.jsonl"),
        (
            other_versions,
            "last.ckpt: expected what the run is made of now, got other versions",
        ),
        (other_hardware, "last.ckpt: expected what the run is made of now, got other hardware"),
        (change_the_data, "last.ckpt: expected what the run is made of now, got other data"),
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
    (warning,) = warnings_of(caplog)
    assert f"{says}: training starts afresh" in warning
    rows = read_metrics(job.folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    assert len([row for row in rows if "planned/steps" in row]) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[STATE]["ranks"][0]["random"].update(python=[3, [1], None]),
        lambda content: content[STATE].update(loader=None),
        lambda content: content["optimizer_states"][0].update(param_groups=[]),
        lambda content: content["state_dict"].popitem(),
        lambda content: content.update(loops={}),
    ],
)
def test_a_whole_checkpoint_whose_state_cannot_be_taken_up_is_left_alone(
    spoil: Callable[[dict[str, Any]], None], make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    whole, job = make("whole"), make("spoilt")
    execute(whole)
    stopped(job, "training_step", 13)
    path = last_checkpoint(RunFolder(job.folder))
    content = read_checkpoint(path)
    spoil(content)
    write_checkpoint(path, content)
    with caplog.at_level(logging.WARNING, "seqbench"):
        assert steps_of(job)[1] == 3 * BATCHES
    (warning,) = warnings_of(caplog)
    assert "last.ckpt: expected a state to go on from, got " in warning
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_a_whole_checkpoint_of_another_shape_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = RunFolder(tmp_path)
    made_of: dict[str, str | None] = {"config": "a-run"}
    for state in ({}, {STATE: None}, {STATE: {"made_of": made_of, "best": None}}):
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


def test_forced_it_starts_afresh_though_a_sweep_has_frozen_it_before(make: Any) -> None:
    job = make("again", AFTER_EACH_STEP)
    stopped(job, "training_step", 13)
    forced = replace(job, config={**job.config, "force": True})
    freeze(forced, RunFolder(job.folder).config)
    assert steps_of(forced)[1] == 3 * BATCHES


def test_what_was_forced_is_gone_on_with_unforced(make: Any) -> None:
    job = make("again", AFTER_EACH_STEP)
    stopped(replace(job, config={**job.config, "force": True}), "training_step", 13)
    assert steps_of(job)[1] == 3 * BATCHES - 13


def test_once_forced_it_goes_on_until_it_is_done(make: Any) -> None:
    """However many tries a time limit makes of it."""
    job = make("again", AFTER_EACH_STEP, "force=true")
    stopped(job, "training_step", 13)
    assert steps_of(job)[1] == 3 * BATCHES - 13
    assert steps_of(job)[1] == 3 * BATCHES


def test_an_error_costs_no_more_than_a_stop(make: Any) -> None:
    def fail() -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    job = make("failed", AFTER_EACH_STEP)
    with at("training_step", 13, fail), pytest.raises(TrainingError, match="out of memory"):
        execute(job)
    record = RunFolder(job.folder).read_record()
    assert record is not None and record.status == "failed"
    assert steps_of(job)[1] == 3 * BATCHES - 12


def test_a_checkpoint_that_cannot_be_written_ends_nothing(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(path: Path, content: dict[str, Any], *, keep: Path | None) -> None:
        if path.name == "last.ckpt":
            raise unwritable(path, OSError(errno.ENOSPC, "No space left on device"))
        write_checkpoint(path, content, keep=keep)

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
