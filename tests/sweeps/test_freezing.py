"""What freezing a job does to what an earlier sweep has left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.sweeps.seen import MakeJobs
from tests.sweeps.stored import store

from seqbench.config.job import Job, freeze, thaw
from seqbench.records.folder import RunFolder
from seqbench.sweeps.freezing import free, freeze_idle
from seqbench.sweeps.kept import forced


@pytest.fixture
def job(make_jobs: MakeJobs) -> Job:
    """A run with a checkpoint to go on from."""
    (job,) = make_jobs(1)
    folder = RunFolder(job.folder)
    folder.checkpoints.mkdir()
    (folder.checkpoints / "last.ckpt").touch()
    return job


def left(job: Job) -> bool:
    return (RunFolder(job.folder).checkpoints / "last.ckpt").exists()


def test_a_run_is_gone_on_with(job: Job) -> None:
    again = replace(job, overrides=("tags=[again]",))
    freeze_idle(again)
    assert thaw(job.folder) == again
    assert left(job)


def test_a_run_that_is_forced_is_frozen_so_and_nothing_else_is_done_to_it(job: Job) -> None:
    store(job, "interrupted")
    freeze_idle(forced(job))
    assert thaw(job.folder).config["force"]
    assert left(job)
    assert RunFolder(job.folder).record.exists()


def test_a_run_that_another_process_has_keeps_its_config(job: Job) -> None:
    with RunFolder(job.folder).claim():
        freeze_idle(forced(job))
    assert not thaw(job.folder).config["force"]


def test_a_config_that_nobody_can_read_is_replaced(job: Job) -> None:
    RunFolder(job.folder).config.write_text("{")
    freeze_idle(forced(job))
    assert thaw(job.folder).config["force"]


def test_what_was_forced_and_is_complete_is_not_to_be_done_again(job: Job) -> None:
    frozen = replace(forced(job), overrides=("tags=[then]",))
    freeze(frozen, RunFolder(job.folder).config)
    with RunFolder(job.folder).claim():
        free(job)
    assert thaw(job.folder) == frozen  # whoever has it may be doing so
    free(job)
    assert thaw(job.folder) == replace(frozen, config=job.config)


def test_a_folder_is_made_for_a_run_that_is_new(make_jobs: MakeJobs) -> None:
    (job,) = make_jobs(1)
    new = replace(job, run_id="new", config={**job.config, "run_id": "new"})
    freeze_idle(new)
    assert thaw(new.folder) == new
    freeze(new, RunFolder(new.folder).config)  # whatever runs a job may freeze it, too
    assert thaw(new.folder) == new
