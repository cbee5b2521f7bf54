"""Who may write to a run folder, and what is left in it."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from seqbench.config.job import thaw
from seqbench.errors import DataError, Diverged, RecordError, Stopped, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.training import execute as execute_module
from seqbench.training.execute import execute
from seqbench.training.run import run


def test_a_completed_run_is_found_again(make_job: Any) -> None:
    job = make_job("trainer.max_epochs=1")
    first = execute(job)
    assert not first.was_complete
    assert thaw(job.folder) == job
    again = execute(job)
    assert again.was_complete
    assert again.stale == ()
    assert again.record == first.record
    forced = execute(make_job("trainer.max_epochs=1", "force=true"))
    assert not forced.was_complete
    assert forced.record.scores == first.record.scores


def test_a_record_of_other_code_is_stale(
    network_run: Path, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = thaw(network_run)
    monkeypatch.setattr(execute_module, "code_hash", lambda config: "another")
    assert execute(job).stale == ("code",)


def test_a_record_of_other_data_is_stale(make_job: Any, reviews: Path, tmp_path: Path) -> None:
    train = tmp_path / "train.csv"
    train.write_text((reviews / "train.csv").read_text())
    job = make_job("trainer.max_epochs=1", f"data.files.train={train}")
    execute(job)
    with train.open("a") as file:
        file.write("a bright film,good\n")
    execute_module._data_fingerprint.cache_clear()
    assert execute(job).stale == ("data",)
    train.unlink()
    execute_module._data_fingerprint.cache_clear()
    assert execute(job).stale == ()


def test_a_damaged_record_is_overcome_by_force(make_job: Any) -> None:
    job = make_job("trainer.max_epochs=1", "force=true")
    execute(job)
    RunFolder(job.folder).record.write_text("{")
    assert execute(job).record.status == "completed"


def test_how_the_data_was_treated_is_recorded(make_job: Any) -> None:
    record = execute(make_job("trainer.max_epochs=1", "data.max_len=3")).record
    (note,) = [note for note in record.provenance.data_notes if note.startswith("test: ")]
    assert note.endswith("texts cut to their first 3 tokens")


def test_what_lies_in_a_folder_without_a_checkpoint_is_cleared(make_job: Any) -> None:
    job = make_job("trainer.max_epochs=1")
    job.folder.mkdir(parents=True)
    (job.folder / "metrics.jsonl").write_text('{"step": 9}\n')
    done = execute(job)
    assert done.record.status == "completed"
    assert '"step": 9' not in (job.folder / "metrics.jsonl").read_text()


def test_bad_data_leaves_nothing_behind(make_job: Any, tmp_path: Path) -> None:
    job = make_job(f"data.files.train={tmp_path / 'nowhere.csv'}")
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        execute(job)
    assert not job.folder.exists()
    assert not (tmp_path / "out").exists()


def test_data_that_goes_during_training_costs_no_completed_run(
    make_job: Any, in_third_step: Any, reviews: Path, tmp_path: Path
) -> None:
    test = tmp_path / "test.csv"
    test.write_bytes((reviews / "test.csv").read_bytes())
    job = make_job("trainer.max_epochs=1", "logger=wandb", f"data.files.test={test}")
    in_third_step(lambda: test.unlink(missing_ok=True))
    assert execute(job).record.status == "completed"
    record = RunFolder(job.folder).read_record()
    assert record is not None
    assert record.status == "completed"
    log = (job.folder / "log.txt").read_text()
    assert re.search(r"W&B was not told all of the outcome: .*test\.csv", log)


def test_a_completed_run_is_never_removed(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def complete_and_fail(*arguments: Any, **named: Any) -> Any:
        run(*arguments, **named)
        raise DataError("test.csv")

    monkeypatch.setattr(execute_module, "run", complete_and_fail)
    job = make_job("trainer.max_epochs=1")
    with pytest.raises(DataError):
        execute(job)
    assert (job.folder / "record.json").exists()


def test_a_failed_training_leaves_its_record(make_job: Any) -> None:
    job = make_job("optimizer=sgd", "optimizer.lr=1e38", "trainer.clip_norm=null")
    with pytest.raises(TrainingError):
        execute(job)
    record = RunFolder(job.folder).read_record()
    assert record is not None
    assert record.status == "failed"


def test_a_training_that_diverged_is_not_gone_on_with(make_job: Any) -> None:
    job = make_job(
        "optimizer=sgd",
        "optimizer.lr=1e38",
        "trainer.clip_norm=null",
        "trainer.checkpoint_every=1e-9",
    )
    for _ in range(2):
        with pytest.raises(Diverged):
            execute(job)
    assert "going on" not in (job.folder / "log.txt").read_text()


def test_where_a_failure_cannot_be_recorded_it_is_told_all_the_same(
    make_job: Any,
    in_third_step: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise RecordError("record.json", got="No space left on device")

    monkeypatch.setattr(RunFolder, "write_record", full)
    in_third_step(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Stopped) as caught:
        execute(make_job("data.batch_size=4"))
    assert caught.value.exit_code == 143
    assert "could not be recorded: record.json: got No space left on device" in caplog.text


def test_a_folder_that_is_held(make_job: Any) -> None:
    job = make_job()
    with (
        RunFolder(job.folder).claim(),
        pytest.raises(RecordError, match=r"held by process \d+ on .* since .*; wait for it"),
    ):
        execute(job)


def test_a_folder_that_cannot_be_made(make_job: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    job = make_job(f"paths.outputs={tmp_path / 'file'}")
    with pytest.raises(RecordError, match=r"expected a place that can be written to, got Not a di"):
        execute(job)


def test_what_the_command_line_changed_is_in_the_record(make_job: Any) -> None:
    job = make_job("trainer.max_epochs=1", "trainer.limit_train_batches=1")
    job = dataclasses.replace(job, overrides=("model=lstm", "trainer.max_epochs=1"))
    assert execute(job).record.overrides == ["model=lstm", "trainer.max_epochs=1"]
