"""A frozen run on a machine that a scheduler chose: the program there, and what it is told.

    python -m seqbench.sweeps.node ORDER     (an `Order` in JSON)

It composes nothing: the run's config lies frozen in its folder, on a file system that the sweep
and its machines share. How the run ended is written to a file, which the sweep reads.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

from seqbench.config.job import Job
from seqbench.errors import TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.store import write_atomic
from seqbench.sweeps.child import print_into
from seqbench.sweeps.execute import Outcome, work
from seqbench.training.forks import die_with_parent, stop_with
from seqbench.training.interrupts import SIGNALS

EXIT_CODES = {"completed": 0, "pruned": 0, "failed": 1, "interrupted": 130}

# By this name Lightning knows a job in which Slurm does not start a task for each device.
_ONE_TASK = {"SLURM_JOB_NAME": "interactive"}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done, and in which surroundings.

    Attributes:
        call: the function that executes the run, as `module:name`.
        folder: the run folder, absolute.
        cwd: the sweep's working folder: what is relative in a config, begins there.
        path: where the sweep finds modules; a user's own architecture may be among them.
        argv: the sweep's command, for the record.
    """

    call: str
    folder: str
    cwd: str
    path: tuple[str, ...]
    argv: tuple[str, ...]

    @classmethod
    def of(cls, job: Job, call: str) -> Self:
        """The order to do a job in the surroundings that this process has."""
        path = tuple(str(Path(entry).absolute()) for entry in sys.path)
        folder = str(job.folder.absolute())
        return cls(call=call, folder=folder, cwd=os.getcwd(), path=path, argv=tuple(sys.argv))


def perform(order: Order) -> Outcome:
    """Executes the run; a signal that asks it to stop makes it checkpoint and be interrupted.

    What it prints goes to the run's log. Afterwards signals are ignored: nothing is left to stop.

    Raises:
        TrainingError: the sweep's working folder is not on this machine.
    """
    with _stopped_once():
        _enter(order.cwd)
        sys.path[:] = order.path
        sys.argv[:] = order.argv
        os.environ.update(_ONE_TASK)
        os.register_at_fork(after_in_child=die_with_parent)  # ranks and data workers
        print_into(str(RunFolder(order.folder).log))
        said: list[dict[str, Any]] = []
        work((order.call, order.folder), said.append)
        return outcome_of(said[0])


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise TrainingError(
            "the sweep's working folder",
            expected=f"{folder} on {socket.gethostname()}",
            got=error.strerror or "none",
            remedy="the machines of a cluster share a file system with the one that sweeps",
        ) from error


def tell(path: Path, outcome: Outcome) -> None:
    """Writes how the run ended, for the sweep to read.

    Raises:
        RecordError: the file cannot be written.
    """
    write_atomic(path, json.dumps({**asdict(outcome), "record": None}))


def told(path: Path) -> Outcome | None:
    """How the run ended, if it has said so."""
    with suppress(OSError, ValueError):
        return outcome_of(json.loads(path.read_text(encoding="utf-8")))
    return None


def outcome_of(said: dict[str, Any]) -> Outcome:
    """The outcome that was said as plain containers, without its record."""
    return Outcome(**{**said, "stale": tuple(said["stale"])})


def main(argument: str) -> int:
    """Does what the order says, and ends when the process that started this one does."""
    plain = json.loads(argument)
    stop_with(plain.pop("parent"))
    path = Path(plain.pop("told"))
    outcome = perform(Order(**plain))
    tell(path, outcome)
    return EXIT_CODES[outcome.status]


@contextmanager
def _stopped_once() -> Iterator[None]:
    """One signal interrupts the block; schedulers send several at once, and all mean the same."""
    came: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # who started this may have blocked them
    try:
        yield
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
