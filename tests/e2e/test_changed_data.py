"""A dataset's file that changes between runs, or during one: noticed, and never a mixture."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.e2e.finished import assert_same, finished
from tests.tally import FAULTS
from tests.training.stopping import at, stopped

from seqbench.config.compose import compose_job
from seqbench.config.job import Job
from seqbench.errors import DataError
from seqbench.records.folder import RunFolder
from seqbench.records.predictions import read_predictions
from seqbench.training.execute import execute


@pytest.fixture
def make(tiny: list[str], reviews: Path, tmp_path: Path) -> Callable[..., Job]:
    """Composes a job on a training file of the test's own."""
    train = tmp_path / "train.csv"
    train.write_text((reviews / "train.csv").read_text())

    def job(name: str, *overrides: str) -> Job:
        own = [f"data.files.train={train}", "data.batch_size=4", "trainer.checkpoint_every=1e-9"]
        return compose_job([*tiny, *own, *overrides, f"paths.outputs={tmp_path / name}"])

    return job


def change(tmp_path: Path) -> None:
    """One more example; size and time of the file are told apart from its content elsewhere."""
    path = tmp_path / "train.csv"
    path.write_text(path.read_text() + "a bright warm film,good\n")


def change_unseen(tmp_path: Path) -> None:
    """Another word of the same length, and the file as old as before."""
    path = tmp_path / "train.csv"
    before = path.stat()
    path.write_text(path.read_text().replace("warm", "cosy"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = pytest.mark.parametrize("how", [change, change_unseen], ids=["longer", "unseen"])


@CHANGES
def test_between_two_runs(how: Any, make: Any, tmp_path: Path, tally: Counter[str]) -> None:
    """The second one has an entry of its own in the cache, and another fingerprint."""
    first = execute(make("a", "seed=0")).record.provenance.data_fingerprint
    how(tmp_path)
    tally[FAULTS] += 1
    second = execute(make("a", "seed=1")).record.provenance.data_fingerprint
    assert first != second
    again = execute(make("a", "seed=0"))  # complete, and said to be of other data
    assert again.was_complete and again.stale == ("data",)


@CHANGES
def test_between_a_stop_and_going_on(
    how: Any, make: Any, tmp_path: Path, tally: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    job, fresh = make("a"), make("b")
    stopped(job, "training_step", 9)
    how(tmp_path)
    tally[FAULTS] += 1
    execute(job)
    assert (
        "expected what the run is made of now, got other data: training starts afresh"
        in caplog.text
    )
    execute(fresh)
    assert_same(finished(job.folder), finished(fresh.folder), tally)


@CHANGES
def test_in_mid_run(
    how: Any, make: Any, tmp_path: Path, tally: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What was read is what is used; texts that are others now are not put beside it."""
    calm = make("calm")
    execute(calm)
    job = make("changed")
    with at("training_step", 7, lambda: how(tmp_path)):
        execute(job)
    tally[FAULTS] += 1
    assert "predictions are kept without texts: data: expected the texts that" in caplog.text
    assert read_predictions(RunFolder(job.folder).predictions).texts is None
    found, expected = finished(job.folder), finished(calm.folder)
    assert found is not None and expected is not None
    del found["predictions"], expected["predictions"]
    assert_same(found, expected, tally)
    first, second = (read_predictions(RunFolder(each.folder).predictions) for each in (job, calm))
    assert np.array_equal(first.probabilities, second.probabilities)


def test_a_file_that_is_gone_before_going_on(
    make: Any, tmp_path: Path, tally: Counter[str]
) -> None:
    """It says so, the checkpoint stays, and the run goes on once the file is back."""
    job, calm = make("a"), make("b")
    execute(calm)
    stopped(job, "training_step", 9)
    away = tmp_path / "away.csv"
    (tmp_path / "train.csv").rename(away)
    tally[FAULTS] += 1
    with pytest.raises(DataError, match=r"train\.csv: expected a file, got nothing there"):
        execute(job)
    away.rename(tmp_path / "train.csv")
    execute(job)
    assert "going on from step 9" in (job.folder / "log.txt").read_text()
    assert_same(finished(job.folder), finished(calm.folder), tally)
