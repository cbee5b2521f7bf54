"""What run folders say: states, who holds them, what is stale, and how far a training is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.stored import make_job, store

from seqbench.config.job import Job
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.records.provenance import versions
from seqbench.records.record import RunError
from seqbench.sweeps import state
from seqbench.sweeps.state import Progress, RunStatus, progress, survey


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path)


def surveyed(job: Job) -> RunStatus:
    (status,) = survey([job])
    assert (status.run_id, status.folder) == (job.run_id, job.folder)
    return status


def test_one_status_a_job_in_their_order(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in (2, 0, 1)]
    store(jobs[1])
    store(jobs[2], "interrupted", error=RunError(type="SIGTERM", message="stopped"))
    found = survey(jobs)
    assert [status.run_id for status in found] == [job.run_id for job in jobs]
    assert [status.state for status in found] == ["missing", "completed", "interrupted"]


def test_a_completed_run_has_its_score_and_its_cost(job: Job) -> None:
    store(job, score=0.625, seconds=(1.0, 12.5, 0.5), data_fingerprint="d1")
    status = surveyed(job)
    assert (status.state, status.reason, status.held) == ("completed", "", False)
    assert (status.metric, status.score, status.train_seconds) == ("accuracy", 0.625, 12.5)
    assert (status.data, status.finished) == ("d1", "2026-01-01T00:01:00Z")


def test_a_record_of_the_schema_before_is_complete_too(job: Job) -> None:
    store(job, score=0.625)
    path = job.folder / "record.json"
    plain = json.loads(path.read_text())
    plain["schema"] = 2
    del plain["weights"], plain["rollbacks"]
    path.write_text(json.dumps(plain))
    assert (surveyed(job).state, surveyed(job).score) == ("completed", 0.625)


def test_a_failed_run_has_its_reason_in_one_line(job: Job) -> None:
    store(job, "failed", error=RunError(type="TrainingError", message="loss is\n  not finite"))
    status = surveyed(job)
    assert (status.state, status.reason) == ("failed", "TrainingError: loss is not finite")
    assert (status.metric, status.score) == (None, None)


def test_a_run_without_a_record_is_missing_whatever_else_there_is(job: Job) -> None:
    assert surveyed(job).state == "missing"
    job.folder.mkdir(parents=True)
    RunFolder(job.folder).metrics.write_text("{}\n")
    assert surveyed(job).state == "missing"


def _without_cost(plain: dict[str, Any]) -> str:
    del plain["cost"]
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda plain: json.dumps(plain)[:-1], "expected a record in JSON"),
        (lambda plain: "[1]", "expected an object, got list"),
        (lambda plain: "[" * 100_000, "expected a record in JSON, got nested too deeply"),
        (lambda plain: json.dumps(plain | {"schema": 99}), "expected schema 4, got schema 99"),
        (lambda plain: json.dumps(plain | {"status": "done"}), "got 'done'"),
        (_without_cost, "missing cost"),
    ],
)
def test_a_record_that_cannot_be_used_is_a_status_with_a_reason(
    job: Job, spoil: Any, reason: str
) -> None:
    folder = store(job)
    folder.record.write_text(spoil(json.loads(folder.record.read_text())))
    status = surveyed(job)
    assert status.state == "unreadable"
    assert reason in status.reason
    assert str(folder.record) in status.reason
    assert "\n" not in status.reason


def test_a_folder_in_the_place_of_a_record_is_unreadable(job: Job) -> None:
    RunFolder(job.folder).record.mkdir(parents=True)
    assert surveyed(job).state == "unreadable"


def test_a_folder_is_held_while_it_is_claimed(job: Job) -> None:
    with RunFolder(job.folder).claim():
        status = surveyed(job)
        assert (status.state, status.held) == ("missing", True)
    assert not surveyed(job).held


def test_looking_makes_nothing(job: Job, tmp_path: Path) -> None:
    survey([job])
    assert progress(job.folder, job.config) is None
    assert list(tmp_path.iterdir()) == []


def test_other_code_and_other_versions_are_told(job: Job) -> None:
    store(job)
    assert surveyed(job).stale == ()
    store(job, code="0" * 12)
    assert surveyed(job).stale == ("code",)
    store(job, versions=versions() | {"torch": "1.0"})
    assert surveyed(job).stale == ("versions",)
    without_python = {name: v for name, v in versions().items() if name != "python"}
    store(job, code="0" * 12, versions=without_python)
    assert surveyed(job).stale == ("code", "versions")


def test_the_version_of_seqbench_itself_is_told_by_its_code(job: Job) -> None:
    store(job, versions=versions() | {"seqbench": "0.0.1"})
    assert surveyed(job).stale == ()


def test_a_failed_run_is_not_stale_for_it_is_done_anew(job: Job) -> None:
    error = RunError(type="ValueError", message="no")
    store(job, "failed", error=error, code="0" * 12)
    assert surveyed(job).stale == ()
    store(job, "interrupted", error=error, code="0" * 12)
    assert surveyed(job).stale == ("code",)


def test_a_record_is_read_once_until_it_is_replaced(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(job, score=0.25)
    read: list[Path] = []
    original = state._record
    monkeypatch.setattr(state, "_record", lambda path: read.append(path) or original(path))
    assert [surveyed(job).score for _ in range(3)] == [0.25] * 3
    assert len(read) == 1
    store(job, score=0.75)
    assert surveyed(job).score == 0.75
    assert len(read) == 2


def test_nothing_heavy_is_imported_to_look() -> None:
    code = (
        "import sys, seqbench.sweeps.state, seqbench.sweeps.table, seqbench.sweeps.estimate\n"
        "print(sorted({'torch', 'numpy', 'pandas', 'wandb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def history(job: Job, *rows: tuple[int, int, float, dict[str, float]]) -> RunFolder:
    """Rows of (step, epoch, seconds, values), the last written at the time 1000."""
    folder = RunFolder(job.folder)
    folder.path.mkdir(parents=True, exist_ok=True)
    with MetricsWriter(folder.metrics) as writer:
        for step, epoch, seconds, values in rows:
            writer.write(step=step, epoch=epoch, seconds=seconds, tokens=0, values=values)
    os.utime(folder.metrics, (1000, 1000))
    return folder


PLANNED = (0, 0, 0.0, {"planned/steps": 300})


def test_no_progress_before_the_history_begins(job: Job) -> None:
    assert progress(job.folder, job.config) is None
    folder = history(job)
    assert progress(job.folder, job.config) is None
    folder.metrics.write_text('{"step": 1')
    assert progress(job.folder, job.config) is None


def test_a_training_that_has_just_begun(job: Job) -> None:
    history(job, PLANNED)
    assert progress(job.folder, job.config, now=1002.0) == Progress(
        epoch=1, max_epochs=3, step=0, planned_steps=300, seconds=2.0
    )


def test_the_time_left_follows_from_the_steps_done(job: Job) -> None:
    validation = {"validation/loss": 1.0, "validation/accuracy": 0.5, "validation/macro_f1": 0.4}
    history(
        job,
        PLANNED,
        (100, 0, 19.0, {"validation/loss": 1.5, "validation/accuracy": 0.25}),
        (100, 0, 20.0, validation),
        (150, 1, 30.0, {"train/loss": 0.9}),
    )
    found = progress(job.folder, job.config, now=1004.0)
    # 150 of 300 steps took 30 s, so all take 60 s, of which 34 s have passed.
    assert found == Progress(
        epoch=2,
        max_epochs=3,
        step=150,
        planned_steps=300,
        metric="accuracy",
        value=0.5,
        seconds=34.0,
        eta_seconds=26.0,
    )
    assert found.fraction == 0.5


def test_of_a_budget_each_row_has_the_share(job: Job) -> None:
    """Half of 60 s of training steps took a minute, with as much validation between them."""
    history(job, (0, 0, 0.0, {"budget/share": 0.0}), (100, 0, 60.0, {"budget/share": 0.5}))
    found = progress(job.folder, job.config, now=1000.0)
    assert found is not None
    assert (found.planned_steps, found.fraction, found.eta_seconds) == (200, 0.5, 60.0)
    history(job, (210, 2, 130.0, {"budget/share": 1.05}))
    beyond = progress(job.folder, job.config, now=1000.0)
    assert beyond is not None
    assert (beyond.planned_steps, beyond.fraction) == (210, 1.0)


def test_the_time_left_is_never_below_none(job: Job) -> None:
    history(job, PLANNED, (150, 1, 30.0, {"train/loss": 0.9}))
    found = progress(job.folder, job.config, now=1000.0 + 3600)
    assert found is not None
    assert found.eta_seconds == 0.0


def test_what_lies_between_two_tries_of_a_run_is_not_training(job: Job) -> None:
    folder = history(job, PLANNED, (150, 1, 30.0, {"train/loss": 0.9}))
    folder.lock.write_text("{}")
    os.utime(folder.lock, (9000, 9000))  # claimed hours after the last row
    found = progress(job.folder, job.config, now=9001.0)
    assert found is not None
    assert (found.seconds, found.eta_seconds) == (31.0, 29.0)


def test_a_clock_behind_the_file_servers_does_no_harm(job: Job) -> None:
    history(job, PLANNED, (150, 1, 30.0, {"train/loss": 0.9}))
    found = progress(job.folder, job.config, now=900.0)
    assert found is not None
    assert found.seconds == 30.0


def test_without_a_plan_there_is_no_time_left(job: Job) -> None:
    history(job, (150, 1, 30.0, {"train/loss": 0.9}))
    found = progress(job.folder, job.config)
    assert found is not None
    assert (found.planned_steps, found.eta_seconds, found.fraction) == (None, None, None)


def test_the_loss_alone_is_the_metric_and_may_be_infinite(job: Job) -> None:
    history(job, PLANNED, (100, 0, 20.0, {"validation/loss": float("inf")}))
    found = progress(job.folder, job.config)
    assert found is not None
    assert (found.metric, found.value) == ("loss", None)


def test_no_limit_of_epochs(tmp_path: Path) -> None:
    job = make_job(tmp_path, trainer={"max_epochs": None, "max_steps": 300})
    history(job, PLANNED)
    found = progress(job.folder, job.config)
    assert found is not None
    assert (found.epoch, found.max_epochs) == (1, None)


def test_a_torn_last_row_is_not_looked_at(job: Job) -> None:
    folder = history(job, PLANNED, (150, 1, 30.0, {"train/loss": 0.9}))
    with folder.metrics.open("a") as file:
        file.write('{"step": 200, "epoch": 1, "sec')
    found = progress(job.folder, job.config)
    assert found is not None
    assert found.step == 150


def test_of_a_long_history_only_the_end_and_the_first_row_are_read(job: Job) -> None:
    rows = [(step, 0, step / 10, {"train/loss": 0.5}) for step in range(1, 3000)]
    folder = history(job, (0, 0, 0.0, {"planned/steps": 6000}), *rows)
    content = folder.metrics.read_bytes()
    assert len(content) > 2 * 64 * 1024
    middle = len(content) // 2
    folder.metrics.write_bytes(content[: middle - 50] + b"\xff" * 100 + content[middle + 50 :])
    found = progress(job.folder, job.config)
    assert found is not None
    assert (found.step, found.planned_steps) == (2999, 6000)


def test_the_survey_of_many_runs_reads_each_record_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in range(20)]
    for job in jobs:
        store(job)
    opened: list[Path] = []
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path) or original(path))
    state._glance.cache_clear()
    survey([replace(job) for job in jobs])
    assert [p for p in opened if p.suffix != ".py"] == [j.folder / "record.json" for j in jobs]
