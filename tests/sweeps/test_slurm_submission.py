"""What a submission does and leaves behind, with an sbatch that is pretended."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.seen import MakeJobs, Seen

from seqbench.config.job import Job
from seqbench.sweeps import slurm_queue, slurm_submission
from seqbench.sweeps.dispatch import NotTaken
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.node import tell
from seqbench.sweeps.slurm_commands import NoAnswer, Queued
from seqbench.sweeps.slurm_queue import SlurmQueue

pytest.importorskip("submitit", reason="the extra `slurm` is not installed")

FLAGS = {"time": 60, "cpus-per-task": 1, "signal": "USR1@90", "requeue": True, "nice": 0}


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has `sbatch` be a script of this text."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def write(text: str) -> None:
        for name, lines in {"sbatch": text, "srun": ""}.items():
            (programs / name).write_text(f"#!/bin/sh\n{lines}\n")
            (programs / name).chmod(0o755)

    return write


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> SlurmQueue:
    """A queue without a Slurm."""
    monkeypatch.setattr(slurm_queue, "queue", list)
    return SlurmQueue(
        call="module:call", flags=lambda job: dict(FLAGS), setup=(), python="python",
        poll_seconds=0.0, claim=lambda folder: True, observer=Seen(),
    )  # fmt: skip


def left(job: Job) -> list[str]:
    """What is in the study's folder of Slurm's."""
    return sorted(path.name for path in (job.folder.parent / "slurm").iterdir())


def test_a_job_is_submitted_with_its_options(
    sbatch: Callable[[str], None], queue: SlurmQueue, make_jobs: MakeJobs
) -> None:
    (job,) = make_jobs(1)
    sbatch("echo Submitted batch job 7")
    (job.folder.parent / "slurm").mkdir()
    tell(job.folder.parent / "slurm" / "7.json", Outcome(job.run_id, "failed"))  # Slurm began anew
    queue.submit(job)
    assert left(job) == ["7_submission.sh", "7_submitted.pkl"]
    lines = (job.folder.parent / "slurm" / "7_submission.sh").read_text().splitlines()
    assert {f"#SBATCH --job-name={job.run_id}", "#SBATCH --nice=0"} <= set(lines)
    assert {"#SBATCH --requeue", "#SBATCH --signal=USR1@90", "#SBATCH --time=60"} <= set(lines)


def test_sbatch_sees_no_option_from_the_environment(
    sbatch: Callable[[str], None], queue: SlurmQueue, make_jobs: MakeJobs, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """There it would win over the script's; submitit starts sbatch by our command."""
    monkeypatch.setenv("SBATCH_PARTITION", "other")
    monkeypatch.setenv("SLURM_CONF", "slurm.conf")
    sbatch(f"env > {tmp_path}/seen; echo Submitted batch job 7")
    queue.submit(make_jobs(1)[0])
    seen = (tmp_path / "seen").read_text()
    assert "SBATCH_PARTITION" not in seen
    assert "SLURM_CONF=slurm.conf" in seen


def test_what_slurm_took_without_saying_so_is_cancelled_before_it_is_submitted_again(
    sbatch: Callable[[str], None], queue: SlurmQueue, make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (job,) = make_jobs(1)
    folder = (job.folder.parent / "slurm").absolute()
    sbatch("echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1")
    with pytest.raises(NotTaken, match="Socket timed out"):
        queue.submit(job)
    assert left(job) == []
    there = [
        Queued("5", "PENDING", job.run_id, "Priority", f"{folder}/.submission_file_x.sh"),
        Queued("6", "PENDING", job.run_id, "Priority", "/another/slurm/.submission_file_y.sh"),
        Queued("7", "PENDING", "another run", "Priority", f"{folder}/.submission_file_z.sh"),
    ]
    cancelled: list[str] = []
    sbatch("echo Submitted batch job 8")

    def look() -> Any:
        raise NoAnswer("connect failure")

    monkeypatch.setattr(slurm_submission, "queue", look)
    with pytest.raises(NotTaken, match="connect failure"):  # it is not known yet
        queue.submit(job)
    monkeypatch.setattr(slurm_submission, "queue", lambda: there)
    monkeypatch.setattr(slurm_submission, "cancel", cancelled.extend)
    queue.submit(job)
    assert cancelled == ["5"]
    assert left(job) == ["8_submission.sh", "8_submitted.pkl"]


def test_an_sbatch_that_says_nothing(
    sbatch: Callable[[str], None], queue: SlurmQueue, make_jobs: MakeJobs
) -> None:
    sbatch("exit 124")  # as `timeout` ends
    with pytest.raises(NotTaken, match="no answer in 60 seconds"):
        queue.submit(*make_jobs(1))
