"""Slurm's own commands: what is in its queue, and what it is told to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("sbatch", "srun", "squeue", "scancel", "scontrol")
ANSWER_SECONDS = 60.0  # a busy controller takes its time
_IDS_AT_ONCE = 200  # on one command line
_ENDED = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
        "PREEMPTED", "REVOKED", "TIMEOUT",
    }
)  # fmt: skip
# Variables that count more than a script's own options, or than the whole queue: defaults that a
# user has set for other work, and what an allocation tells the processes in it.
_MEANT_FOR_OTHERS = ("SBATCH_", "SCANCEL_", "SLURM_", "SLURMD_", "SQUEUE_", "SRUN_")
_MEANT_FOR_ALL = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT")  # how the cluster is reached
# What sbatch refuses a job with that it may take later.
_PASSES = re.compile(
    r"submit\w*limit|timed out|unable to contact|connection|temporarily|standby|nodes are busy"
    r"|\b(drain|drained|inactive)\b",
    re.IGNORECASE,
)


class NoAnswer(Exception):
    """A command that failed: the controller is down or busy, or says no."""


@dataclass(frozen=True)
class Queued:
    """A job in the queue.

    Attributes:
        job_id: Slurm's.
        state: in Slurm's words: PENDING, RUNNING, COMPLETING, …
        name: ours are named after their runs.
        reason: why it waits, in Slurm's words.
        script: that was submitted.
    """

    job_id: str
    state: str
    name: str
    reason: str = "None"
    script: str = ""


def missing() -> list[str]:
    """The commands that this machine lacks."""
    return [name for name in NEEDED if shutil.which(name) is None]


def queue() -> list[Queued]:
    """This user's jobs that have not ended, those in hidden partitions too.

    Raises:
        NoAnswer: the queue cannot be looked at now.
    """
    # All states are asked for: those shown without asking miss a job that is being requeued.
    fields = "%i\t%T\t%j\t%r\t%o"
    asked = ("--noheader", "--all", f"--user={os.getuid()}", "--states=all", f"--format={fields}")
    lines = [line.strip().split("\t") for line in _run("squeue", *asked).splitlines()]
    found = [Queued(*parts) for parts in lines if len(parts) == len(fields.split("\t"))]
    return [job for job in found if not is_end(job.state)]


def is_end(state: str) -> bool:
    """Whether a job in this state is over, unless it is queued again."""
    return state in _ENDED


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
        NoAnswer: some were not.
    """
    ids, failed = list(job_ids), None
    for start in range(0, len(ids), _IDS_AT_ONCE):
        try:
            _run("scancel", "--quiet", *ids[start : start + _IDS_AT_ONCE])
        except NoAnswer as error:  # the others are cancelled all the same
            failed = error
    if failed is not None:
        raise failed


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
    """Why Slurm, which answers, would never take a job with these flags; None where it would.

    None, too, where it says no for now: so many jobs are queued already, nodes are drained.
    """
    try:
        _run("sbatch", "--test-only", *flags, "--wrap=true")
    except NoAnswer as error:
        return None if _PASSES.search(str(error)) else str(error)
    return None


def submission(script: Path) -> list[str]:
    """The command that submits a script, for who starts it by other means than `_run`.

    It waits as long for an answer, sees the same environment, and is as deaf to Ctrl-C: `timeout`
    leads a process group of its own.
    """
    unset = [f"--unset={name}" for name in unheard()]
    return ["timeout", f"{ANSWER_SECONDS:g}", "env", *unset, "sbatch", str(script)]


def unheard() -> list[str]:
    """The names of this process's variables that Slurm's commands and jobs are not to see."""
    return [
        name
        for name in os.environ
        if name.startswith(_MEANT_FOR_OTHERS) and name not in _MEANT_FOR_ALL
    ]


def _run(*command: str) -> str:
    hidden = unheard()
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name not in hidden},
            start_new_session=True,  # Ctrl-C in the terminal is the sweep's
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(f"{command[0]}: {error}") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise NoAnswer(said)
    return done.stdout
