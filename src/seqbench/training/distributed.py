"""Several processes for one run: each executes the same frozen config as one rank.

The ranks are forked before anything is read and wait at a gate, so that bad input is found by one
process alone. They get torchrun's environment, and Lightning joins them without starting the
program again: no rank ever composes a config or sweeps. They train and, as rank 0, record what came
out; what went wrong they only tell (`RankError`), and the launching process records it.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, Self

from seqbench.errors import ConfigError, Diverged, SeqbenchError, Stopped, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunRecord
from seqbench.training.forks import begin_child, end_child, signal_name
from seqbench.training.interrupts import RELAYED_STOP, SIGNALS

POLL_SECONDS = 0.02
FAREWELL_SECONDS = 1.0  # between one rank's failure and the end of the others: they may tell too
GRACE_SECONDS = 5.0
CHECKPOINT_SECONDS = 45.0  # for a validation and a checkpoint, when all are told to stop
ERRORS = "SEQBENCH_RANK_ERRORS"  # the folder where ranks tell what went wrong

Program = Callable[[Path], int]


@dataclass(frozen=True, kw_only=True)
class RankError:
    """What ended a rank.

    Attributes:
        rank: its number.
        kind: the error's class.
        message: the error in a line.
        seconds: when, by the machine's monotonic clock.
        details: what else is known of it, see `RunError`.
    """

    rank: int
    kind: str
    message: str
    seconds: float
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def tell(cls, ended: Exception) -> None:
        """Tell the launching process, if there is one, what ends this rank."""
        if folder := os.environ.get(ERRORS):
            error = cls(
                rank=rank(),
                kind=type(ended).__name__,
                message=ended.line() if isinstance(ended, SeqbenchError) else repr(ended),
                seconds=time.monotonic(),
                details=dict(ended.details) if isinstance(ended, TrainingError) else {},
            )
            Path(folder, f"{rank()}.json").write_text(json.dumps(asdict(error)), encoding="utf-8")

    @classmethod
    def first(cls, folder: Path) -> Self | None:
        """The earliest that ranks told: the others' are mostly its consequences."""
        told = [cls(**json.loads(path.read_text("utf-8"))) for path in folder.glob("*.json")]
        return min(told, key=lambda error: error.seconds, default=None)


def rank() -> int:
    """The global rank of this process; 0 where it is alone."""
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    """Whether this process writes the record of a completed run."""
    return rank() == 0


def is_launched() -> bool:
    """Whether another process of ours started this one as a rank, and records its failure."""
    return ERRORS in os.environ


_has_trained_threaded = False


def note_training(*, threads: int) -> None:
    """To be called before this process trains: its threads would be missing in a fork of it."""
    global _has_trained_threaded
    _has_trained_threaded = _has_trained_threaded or threads > 1


def _check_forkable() -> None:
    import torch

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        got = "one that has used CUDA"
    elif _has_trained_threaded:
        got = "one that has trained with several threads"
    else:
        return
    raise ConfigError(
        "trainer.devices",
        expected="a process that has not trained before",
        got=got,
        remedy="hydra/launcher=pool starts one for each run",
    )


@contextmanager
def forked_ranks(folder: RunFolder, devices: int) -> Iterator[Ranks | None]:
    """The ranks of a run, waiting for `Ranks.work`; None where this process trains by itself.

    They are gone at the end of the block, however it ends.

    Raises:
        ConfigError: this process has trained before in a way that no fork survives.
    """
    if devices < 2 or "RANK" in os.environ:
        yield None
        return
    _check_forkable()
    ranks = Ranks(folder, devices)
    try:
        yield ranks
    finally:
        ranks.end()


class Rank:
    """A forked process that waits for its environment before it begins.

    Attributes:
        pid: its process.
        code: its exit code, negative for a signal; None while it runs.
    """

    def __init__(self, program: Program, path: Path) -> None:
        waiting, self._gate = os.pipe()
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._gate)
            _be_rank(program, path, waiting)
        os.close(waiting)

    def begin(self, environment: dict[str, str]) -> None:
        """Opens the gate."""
        with suppress(BrokenPipeError):  # it was killed: `poll` says so
            os.write(self._gate, json.dumps(environment).encode() + b"\n")
        self.leave()

    def leave(self) -> None:
        """Closes the gate: a rank that has not begun ends."""
        if self._gate >= 0:
            os.close(self._gate)
            self._gate = -1

    def poll(self) -> int | None:
        """The exit code, once there is one."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code

    def kill(self, number: signal.Signals) -> None:
        """Sends a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Ranks:
    """The processes of one run.

    Args:
        folder: the run folder, claimed by this process.
        world_size: how many.
        program: what each does; `seqbench.training.rank.main` by default.
    """

    def __init__(self, folder: RunFolder, world_size: int, program: Program | None = None) -> None:
        self._folder = folder
        program = program or import_module("seqbench.training.rank").main
        self._ranks: list[Rank] = []
        for _ in range(world_size):
            self._ranks.append(Rank(program, folder.path))

    @property
    def codes(self) -> list[int | None]:
        """Each rank's exit code; None while it runs."""
        return [process.code for process in self._ranks]

    def work(self) -> RunRecord:
        """Let them begin, wait for them, and read the record that rank 0 wrote.

        However it ends, none of them runs any more: what is recorded then is the last word.

        Raises:
            TrainingError: a rank failed; the others are ended first.
            KeyboardInterrupt: so were they or this process.
        """
        with tempfile.TemporaryDirectory(prefix="seqbench-ranks-") as errors:
            store = _store(len(self._ranks))
            try:
                for number, process in enumerate(self._ranks):
                    process.begin(self._environment(number, store.port, errors))
                failed = self._wait()
            except KeyboardInterrupt:
                self.end(farewell=0.0, grace=CHECKPOINT_SECONDS)
                raise
            finally:
                self.end()
            told = RankError.first(Path(errors))
        record = self._folder.read_record()
        if failed is None and record is not None:
            return record
        code = self._ranks[failed or 0].code or 0
        if told is not None and code >= 0:
            kind = Diverged if told.kind == Diverged.__name__ else TrainingError
            raise kind(told.message, details=told.details)
        if code - 128 in SIGNALS:
            raise Stopped(code - 128)
        # One that was killed tells nothing, and what the others told is a consequence.
        raise TrainingError(
            f"data-parallel run {self._folder.path.name}",
            expected=f"{len(self._ranks)} ranks that end well",
            got=f"rank {failed or 0} {_ending(code)}",
            remedy=f"see {self._folder.log}",
        )

    def end(self, farewell: float = FAREWELL_SECONDS, grace: float = GRACE_SECONDS) -> None:
        """End what still runs: a rank without its siblings would wait for them for ever.

        Args:
            farewell: seconds before ranks are told to stop.
            grace: seconds between that and their being killed.
        """
        for process in self._ranks:
            process.leave()
        self._wait_for(farewell)
        for process in self._ranks:
            process.kill(RELAYED_STOP)
        self._wait_for(grace)
        for process in self._ranks:
            process.kill(signal.SIGKILL)
        self._wait_for(GRACE_SECONDS)

    def _environment(self, number: int, port: int, errors: str) -> dict[str, str]:
        world_size = str(len(self._ranks))
        return {
            "RANK": str(number),
            "LOCAL_RANK": str(number),
            "WORLD_SIZE": world_size,
            "LOCAL_WORLD_SIZE": world_size,
            "GROUP_RANK": "0",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "TORCHELASTIC_RUN_ID": self._folder.path.name,
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            ERRORS: errors,
        }

    def _wait(self) -> int | None:
        """The first rank that fails; None once all have ended well."""
        while True:
            codes = [process.poll() for process in self._ranks]
            failed = [number for number, code in enumerate(codes) if code not in (None, 0)]
            if failed:
                # Of several at once, one that was killed is the cause.
                return min(failed, key=lambda number: codes[number] or 0)
            if all(code == 0 for code in codes):
                return None
            time.sleep(POLL_SECONDS)

    def _wait_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any(process.poll() is None for process in self._ranks):
            if time.monotonic() > deadline:
                return
            time.sleep(POLL_SECONDS)


def _be_rank(program: Program, path: Path, waiting: int) -> NoReturn:
    """In the forked process: never returns to the stack that it was forked from."""
    code = 1
    try:
        begin_child()
        with os.fdopen(waiting) as gate:
            environment = gate.readline()  # its end may never come: siblings hold the gate too
        if not environment:
            os._exit(0)  # not needed after all
        os.environ.update(json.loads(environment))
        code = program(path)
    finally:
        end_child(code)


def _store(world_size: int) -> Any:
    """Where the ranks find each other, on a port that is taken from the beginning.

    With rank 0 as its host, as is usual, another program could take the port in between.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    return TCPStore("127.0.0.1", 0, world_size, is_master=True, wait_for_workers=False)


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed by {signal_name(-code)}"
    return f"ended with exit code {code}"
