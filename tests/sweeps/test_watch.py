"""A sweep that runs elsewhere, seen through its run folders."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.sweeps.stored import make_job, store

from seqbench.config.job import Job
from seqbench.records.claim import claimed
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunError
from seqbench.sweeps.slurm_queue import LOCK, has_waiting
from seqbench.sweeps.table import Board
from seqbench.sweeps.watch import IDLE_SECONDS, watch


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Two jobs that nobody has begun."""
    return [make_job(tmp_path, seed=seed) for seed in range(2)]


class Time:
    """A clock that sleeping moves, and what happens meanwhile."""

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        self.now = 0.0
        self._meanwhile = list(meanwhile)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self._meanwhile:
            self._meanwhile.pop(0)()


def seen(jobs: list[Job], time: Time) -> tuple[int, list[str]]:
    """The exit code and what was printed."""
    out = io.StringIO()
    board = partial(Board, out=out, clock=lambda: time.now)
    code = watch("study", jobs, board=board, sleep=time.sleep, clock=lambda: time.now)
    return code, out.getvalue().splitlines()


def test_it_is_watched_to_its_end(jobs: list[Job]) -> None:
    first, second = jobs
    with contextlib.ExitStack() as elsewhere:
        elsewhere.enter_context(RunFolder(first.folder).claim())
        time = Time(
            lambda: (store(first), elsewhere.close()),
            lambda: elsewhere.enter_context(RunFolder(second.folder).claim()),
            lambda: (store(second), elsewhere.close()),
        )
        code, lines = seen(jobs, time)
    assert code == 0
    assert lines[0] == "study study, 2 runs: 1 running, 1 queued"
    assert [line.split()[:2] for line in lines[1:]] == [
        ["[1/2]", f"{first.run_id}:"], ["[2/2]", f"{second.run_id}:"],
    ]  # fmt: skip


def test_a_sweep_that_waits_for_a_cluster_is_at_work(jobs: list[Job]) -> None:
    folder = jobs[0].folder.parent / "slurm"
    time = Time()
    with contextlib.ExitStack() as sweep:
        sweep.enter_context(claimed(folder / LOCK))

        def goes_on() -> bool:
            if time.now > 10 * IDLE_SECONDS:
                sweep.close()
            return has_waiting(folder.parent)

        out = io.StringIO()
        board = partial(Board, out=out, clock=lambda: time.now)
        watch("study", jobs, goes_on=goes_on, board=board, sleep=time.sleep, clock=lambda: time.now)
    assert time.now > 11 * IDLE_SECONDS - 5


def test_where_nobody_is_at_work_it_says_so(jobs: list[Job]) -> None:
    store(jobs[0])
    time = Time()
    code, lines = seen(jobs, time)
    assert code == 130
    assert time.now == IDLE_SECONDS
    assert lines[-1] == "nobody is at work on it; the same command without watch=true goes on"


def test_a_failed_run_is_exit_code_1(jobs: list[Job]) -> None:
    store(jobs[0])
    store(jobs[1], "failed", error=RunError(type="OSError", message="no luck"))
    assert seen(jobs, Time())[0] == 1
