"""Several processes for one run: each executes the same frozen config as one rank.

The ranks get torchrun's environment, so Lightning joins them without starting the program again:
no rank ever composes a config or sweeps. They train and, as rank 0, record what came out; what went
wrong they only tell (`RankError`), and the launching process records it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from seqbench.errors import TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunRecord

POLL_SECONDS = 0.05
FAREWELL_SECONDS = 1.0  # between one rank's failure and the end of the others: they may tell too
GRACE_SECONDS = 5.0
ERRORS = "SEQBENCH_RANK_ERRORS"  # the folder where ranks tell what went wrong


@dataclass(frozen=True, kw_only=True)
class RankError:
    """What ended a rank.

    Attributes:
        rank: its number.
        message: the error in a line.
        seconds: when, by the machine's monotonic clock.
    """

    rank: int
    message: str
    seconds: float

    @classmethod
    def tell(cls, message: str) -> None:
        """Tell the launching process, if there is one, what ends this rank."""
        if folder := os.environ.get(ERRORS):
            error = cls(rank=rank(), message=message, seconds=time.monotonic())
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


def must_launch(devices: int) -> bool:
    """Whether a run on so many devices needs ranks that do not exist yet."""
    return devices > 1 and "RANK" not in os.environ


def launch(folder: RunFolder, world_size: int) -> RunRecord:
    """Start so many ranks, wait for them, and read the record that rank 0 wrote.

    Raises:
        TrainingError: a rank failed; the others are ended first.
    """
    with tempfile.TemporaryDirectory(prefix="seqbench-ranks-") as errors:
        ranks = _start(folder, world_size, errors)
        try:
            failed = _wait(ranks)
        finally:
            _end(ranks)
        told = RankError.first(Path(errors))
    record = folder.read_record()
    if failed is None and record is not None:
        return record
    code = ranks[failed or 0].returncode
    if told is not None and code >= 0:
        raise TrainingError(told.message)
    # One that was killed tells nothing, and what the others told is a consequence.
    raise TrainingError(
        f"data-parallel run {folder.path.name}",
        expected=f"{world_size} ranks that end well",
        got=f"rank {failed or 0} {_ending(code)}",
        remedy=f"see {folder.log}",
    )


def _start(folder: RunFolder, world_size: int, errors: str) -> list[subprocess.Popen[bytes]]:
    common = {
        "WORLD_SIZE": str(world_size),
        "LOCAL_WORLD_SIZE": str(world_size),
        "GROUP_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "TORCHELASTIC_RUN_ID": folder.path.name,
        ERRORS: errors,
    }
    command = [sys.executable, "-m", "seqbench.training.rank", str(folder.path), str(os.getpid())]
    return [
        subprocess.Popen(command, env={**os.environ, **common, "RANK": n, "LOCAL_RANK": n})
        for n in map(str, range(world_size))
    ]


def _wait(ranks: list[subprocess.Popen[bytes]]) -> int | None:
    """The first rank that fails; None once all have ended well."""
    while True:
        codes = [process.poll() for process in ranks]
        failed = [number for number, code in enumerate(codes) if code not in (None, 0)]
        if failed:
            # Of several at once, one that was killed is the cause.
            return min(failed, key=lambda number: codes[number] or 0)
        if all(code == 0 for code in codes):
            return None
        time.sleep(POLL_SECONDS)


def _end(ranks: list[subprocess.Popen[bytes]]) -> None:
    """End what still runs: a rank without its siblings would wait for them for ever."""
    _wait_for(ranks, FAREWELL_SECONDS)
    for process in ranks:
        if process.poll() is None:
            process.terminate()
    _wait_for(ranks, GRACE_SECONDS)
    for process in ranks:
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait_for(ranks: list[subprocess.Popen[bytes]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(process.poll() is None for process in ranks):
        time.sleep(POLL_SECONDS)


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
