"""A disk that is full, or takes nothing: one line that says so, and the run goes on once it can."""

from __future__ import annotations

import errno
import os
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.finished import assert_same, finished, left_over
from tests.e2e.places import fill, free, read_only, small_disk
from tests.rarely import rarely
from tests.tally import FAULTS, LOST
from tests.training.stopping import at, steps_of

from seqbench.config.compose import compose_job
from seqbench.config.job import Job
from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.training.execute import execute

Cli = Any


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", kilobytes=16384) as folder:
        yield folder


@pytest.fixture
def make(tiny: list[str], tmp_path: Path) -> Callable[..., Job]:
    """Composes a job of twenty steps, with outputs where it is said."""

    def job(outputs: Path, *overrides: str) -> Job:
        small = ["data.batch_size=4", "trainer.checkpoint_every=1e-9"]
        return compose_job([*tiny, *small, f"paths.outputs={outputs}", *overrides])

    return job


@pytest.fixture
def refused(cli: Cli) -> Callable[..., str]:
    """Runs a command that must be refused; gives the one line that says why."""

    def run(*arguments: str) -> str:
        ended = cli(*arguments)
        assert ended.code == 2, ended.err
        lines = [line for line in ended.err.splitlines() if line.startswith("seqbench: ")]
        assert "Traceback" not in ended.err
        return lines[-1]

    return run


@pytest.mark.parametrize(
    "leaving",
    [0, 40960, *rarely(4096, 12288, 24576)],
)
def test_a_run_on_a_full_disk(
    leaving: int, tiny: list[str], make: Any, refused: Any, disk: Path, tmp_path: Path,
    tally: Counter[str],
) -> None:  # fmt: skip
    whole = make(tmp_path / "whole")
    execute(whole)
    fill(disk, leaving=leaving)
    job = make(disk)
    small = ["data.batch_size=4", "trainer.checkpoint_every=1e-9", f"paths.outputs={disk}"]
    line = refused("train", *tiny, *small)
    tally[FAULTS] += 1
    assert "No space left on device" in line and "paths.outputs=DIR" in line
    assert left_over(RunFolder(job.folder)) == []
    free(disk)
    execute(job)
    assert_same(finished(job.folder), finished(whole.folder), tally)


def test_a_disk_that_fills_up_in_mid_training(
    make: Any, disk: Path, tmp_path: Path, tally: Counter[str]
) -> None:
    whole, job = make(tmp_path / "whole"), make(disk)
    execute(whole)
    full = at("training_step", 7, lambda: fill(disk, leaving=0))
    with full, pytest.raises(RecordError, match="No space left on device"):
        execute(job)
    tally[FAULTS] += 1
    free(disk)
    assert steps_of(job)[1] == 20 - 6  # the last checkpoint that there was room for
    assert_same(finished(job.folder), finished(whole.folder), tally)


def test_a_quota(make: Any, tmp_path: Path, tally: Counter[str]) -> None:
    """Where no disk can be mounted either: no file may be larger than some kilobytes."""
    whole = make(tmp_path / "whole", "model.d_hidden=64")
    execute(whole)
    job = make(tmp_path / "out", "model.d_hidden=64")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
            execute(job)
        except Exception as error:
            says = str(error)
            code = 0 if os.strerror(errno.EFBIG) in says and "paths.outputs=DIR" in says else 3
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    tally[FAULTS] += 1
    assert os.waitstatus_to_exitcode(status) == 0
    record = RunFolder(job.folder).read_record()
    assert record is not None and record.status == "failed"
    execute(job)
    assert_same(finished(job.folder), finished(whole.folder), tally)


@pytest.mark.full
def test_a_sweep_on_a_full_disk(cli: Cli, tiny: list[str], disk: Path, tally: Counter[str]) -> None:
    sweep = [
        "sweep", *tiny, "seed=0,1", "study=s", f"paths.outputs={disk}", "report=false",
        "hydra.launcher.slots=1",
    ]  # fmt: skip
    fill(disk, leaving=0)
    ended = cli(*sweep)
    tally[FAULTS] += 1
    assert ended.code == 2 and "No space left on device" in ended.err
    assert "Traceback" not in ended.err
    free(disk)
    fill(disk, leaving=60_000)  # for what is written before, not for what the runs write
    ended = cli(*sweep)
    tally[FAULTS] += 1
    assert ended.code in (1, 2) and "No space left on device" in ended.out + ended.err
    assert "Traceback" not in ended.out + ended.err
    free(disk)
    ended = cli(*sweep)
    assert ended.code == 0, ended.err
    records = [RunFolder(path.parent).read_record() for path in disk.glob("s/*/record.json")]
    tally[LOST] += 2 - len(records)
    assert [record.status for record in records if record] == ["completed"] * 2


def test_a_report_on_a_full_disk_leaves_the_one_before(
    cli: Cli, network_run: Path, disk: Path, tally: Counter[str]
) -> None:
    command = ["report", f"runs={network_run}", f"out={disk / 'report'}", "figures=false"]
    assert cli(*command).code == 0
    before = {path.name: path.read_bytes() for path in (disk / "report").iterdir()}
    fill(disk, leaving=0)
    ended = cli(*command)
    tally[FAULTS] += 1
    assert ended.code == 2 and "No space left on device" in ended.err
    assert "Traceback" not in ended.err
    after = {path.name: path.read_bytes() for path in (disk / "report").iterdir()}
    assert after == before and "report.html" in before


def test_outputs_that_are_read_only(
    make: Any, refused: Any, tiny: list[str], disk: Path, cli: Cli, tally: Counter[str]
) -> None:
    job = make(disk)
    execute(job)
    small = ["data.batch_size=4", "trainer.checkpoint_every=1e-9", f"paths.outputs={disk}"]
    with read_only(disk):
        for said in (["seed=1"], ["force=true"], []):
            line = refused("train", *tiny, *small, *said)
            assert "Read-only file system" in line and "paths.outputs=DIR" in line
            tally[FAULTS] += 1
        line = refused("sweep", *tiny, *small, "seed=1,2")
        assert "Read-only file system" in line
        line = refused("report", f"runs={disk}")
        assert "Read-only file system" in line and "out=DIR" in line
        tally[FAULTS] += 2
        # What only reads does.
        assert cli("evaluate", f"run={job.folder}").code == 0
        assert cli("predict", f"run={job.folder}", "text=fine").code == 0


@pytest.mark.parametrize("data", ["classification", "language_modeling"])
def test_a_cache_that_takes_nothing(
    data: str, tiny: list[str], tiny_text: list[str], refused: Any, cli: Cli, disk: Path,
    tmp_path: Path, tally: Counter[str],
) -> None:  # fmt: skip
    kept = [
        item
        for item in (tiny if data == "classification" else tiny_text)
        if not item.startswith("paths.cache")
    ]
    command = ["train", *kept, f"paths.cache={disk / 'cache'}", "trainer.max_epochs=1"]
    with read_only(disk):
        line = refused(*command)
        assert "Read-only file system" in line and "SEQBENCH_CACHE=DIR" in line
    fill(disk, leaving=4096)
    line = refused(*command)
    tally[FAULTS] += 2
    assert "No space left on device" in line and "SEQBENCH_CACHE=DIR" in line
    assert not (tmp_path / "outputs").exists()  # nothing was begun
    free(disk)
    assert cli(*command).code == 0
    assert not [path for path in disk.rglob("*") if path.is_dir() and "." in path.name]
    with read_only(disk):  # what is in it can be read
        assert cli(*command, "force=true").code == 0


def test_a_record_that_cannot_be_written_is_told_and_the_run_goes_on_later(
    make: Any, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: Counter[str]
) -> None:
    """The disk fills up after training, before the record: nothing is trained again."""
    from seqbench.training import run as of_run

    whole, job, write = make(tmp_path / "whole"), make(disk), of_run._write
    execute(whole)

    def full(*arguments: Any) -> None:
        fill(disk, leaving=0)
        write(*arguments)

    monkeypatch.setattr(of_run, "_write", full)
    with pytest.raises(RecordError, match="No space left on device"):
        execute(job)
    tally[FAULTS] += 1
    free(disk)
    monkeypatch.setattr(of_run, "_write", write)
    assert steps_of(job)[1] == 0
    assert_same(finished(job.folder), finished(whole.folder), tally)
