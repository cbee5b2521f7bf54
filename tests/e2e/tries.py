"""Runs in processes of their own, killed with kill -9 at a step, or at a moment."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from tests.training.stopping import at

from seqbench.config.job import Job
from seqbench.records.provenance import code_hash
from seqbench.training.execute import execute

PATIENCE = 120.0  # seconds for a run of one or two


def killed_at(job: Job, hook: str, number: int, *, rank: int = 0) -> bool:
    """Whether every process of a try was killed when this rank came to the n-th call of a hook."""

    def kill_all() -> None:
        if int(os.environ.get("RANK", "0")) == rank:
            os.killpg(0, signal.SIGKILL)

    def work() -> None:
        with at(hook, number, kill_all):
            execute(job)

    return _was_killed(_begun(work))


def killed_after(job: Job, seconds: float) -> bool:
    """Whether every process of a try was killed at this moment, before it came to its end."""
    child = _begun(lambda: execute(job))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
        time.sleep(0.002)
    os.killpg(child, signal.SIGKILL)
    return _was_killed(child)


def ended(job: Job) -> None:
    """A try that nobody disturbs, in a process of its own as the disturbed ones were."""
    child = _begun(lambda: execute(job))
    assert not _was_killed(child)


def _begun(work: Callable[[], object]) -> int:
    """A process that does this, leading a group of its own; what ends it is on its stderr."""
    code_hash()  # kept from here on: who edits the sources meanwhile changes no record
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            work()
            code = 0
        finally:
            os._exit(code)
    # Here as well: it must lead its group before anybody kills that.
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(child, child)
    return child


def _was_killed(child: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.WIFSIGNALED(status)
        assert time.monotonic() < deadline, "the run hangs"
        time.sleep(0.005)
