"""Slurm's own commands: what is in its queue, and what it is told to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NEEDED = ("sbatch", "srun", "squeue", "scancel", "scontrol")
ANSWER_SECONDS = 60.0  # a busy controller takes its time
_IDS_AT_ONCE = 200  # on one command line
_ENDED = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
        "PREEMPTED", "REVOKED", "TIMEOUT",
    }
)  # fmt: skip


class NoAnswer(Exception):
    """A command that failed: the controller is down or busy, or says no."""


@dataclass(frozen=True)
class Queued:
    """A job in the queue.

    Attributes:
        job_id: Slurm's.
        state: in Slurm's words: PENDING, RUNNING, COMPLETING, …
        name: ours are named after their runs.
    """

    job_id: str
    state: str
    name: str


def missing() -> list[str]:
    """The commands that this machine lacks."""
    return [name for name in NEEDED if shutil.which(name) is None]


def queue() -> list[Queued]:
    """This user's jobs that have not ended.

    Raises:
        NoAnswer: the queue cannot be looked at now.
    """
    # All states are asked for: those shown without asking miss a job that is being requeued.
    asked = ("--noheader", f"--user={os.getuid()}", "--states=all", "--format=%i|%T|%j")
    lines = [line.strip().split("|", 2) for line in _run("squeue", *asked).splitlines()]
    found = [Queued(*parts) for parts in lines if len(parts) == 3]
    return [job for job in found if job.state not in _ENDED]


def details(job_id: str) -> dict[str, str]:
    """What Slurm remembers of a job, also for minutes after its end; empty where it does not.

    Raises:
        NoAnswer: it is not asked now.
    """
    try:
        line = _run("scontrol", "show", "job", "--oneliner", job_id)
    except NoAnswer as error:
        if "Invalid job id" in str(error):
            return {}
        raise
    pairs = (word.partition("=") for word in line.split())
    return {key: value for key, _, value in pairs}


def cancel(job_ids: Iterable[str]) -> None:
    """Ends jobs: those that run are asked first, and killed after Slurm's KillWait.

    Raises:
        NoAnswer: they were not.
    """
    ids = list(job_ids)
    for start in range(0, len(ids), _IDS_AT_ONCE):
        _run("scancel", "--quiet", *ids[start : start + _IDS_AT_ONCE])


def requeue(job_id: str) -> None:
    """Puts a job back into the queue, to be started again.

    Raises:
        NoAnswer: it was not.
    """
    _run("scontrol", "requeue", job_id)


def silent() -> str | None:
    """Why Slurm's controller does not answer; None where it does."""
    try:
        queue()
    except NoAnswer as error:
        return str(error)
    return None


def refusal(flags: Sequence[str]) -> str | None:
    """Why Slurm, which answers, would not take a job with these flags; None where it would."""
    try:
        _run("sbatch", "--test-only", *flags, "--wrap=true")
    except NoAnswer as error:
        return str(error)
    return None


def _run(*command: str) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is the sweep's
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(f"{command[0]}: {error}") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise NoAnswer(said)
    return done.stdout
