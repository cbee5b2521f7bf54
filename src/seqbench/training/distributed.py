"""Several processes for one run: each executes the same frozen config as one rank.

The ranks get torchrun's environment, so Lightning joins them without starting the program again:
no rank ever composes a config or sweeps.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from seqbench.errors import TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunRecord

POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0


def rank() -> int:
    """The global rank of this process; 0 where it is alone."""
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    """Whether this process writes the record."""
    return rank() == 0


def must_launch(config: Mapping[str, Any]) -> bool:
    """Whether the run needs ranks that do not exist yet."""
    return int(config["trainer"]["devices"]) > 1 and "RANK" not in os.environ


def launch(config: Mapping[str, Any], folder: RunFolder) -> RunRecord:
    """Start the ranks, wait for them, and read the record that rank 0 wrote.

    Raises:
        TrainingError: a rank failed; the others are ended first.
    """
    world_size = int(config["trainer"]["devices"])
    ranks = _start(folder, world_size)
    try:
        failed = _wait(ranks)
    finally:
        _end(ranks)
    record = folder.read_record()
    if failed is not None or record is None:
        reason = record.error.message if record is not None and record.error is not None else ""
        raise TrainingError(
            f"data-parallel run {folder.path.name}",
            expected=f"{world_size} ranks that end well",
            got=reason or f"rank {failed} ended with exit code {ranks[failed or 0].returncode}",
            remedy=f"see {folder.log}",
        )
    return record


def _start(folder: RunFolder, world_size: int) -> list[subprocess.Popen[bytes]]:
    common = {
        "WORLD_SIZE": str(world_size),
        "LOCAL_WORLD_SIZE": str(world_size),
        "GROUP_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "TORCHELASTIC_RUN_ID": folder.path.name,
    }
    command = [sys.executable, "-m", "seqbench.training.rank", str(folder.path)]
    return [
        subprocess.Popen(command, env={**os.environ, **common, "RANK": n, "LOCAL_RANK": n})
        for n in map(str, range(world_size))
    ]


def _wait(ranks: list[subprocess.Popen[bytes]]) -> int | None:
    """The first rank that fails; None once all have ended well."""
    while True:
        codes = [process.poll() for process in ranks]
        for number, code in enumerate(codes):
            if code not in (None, 0):
                return number
        if all(code == 0 for code in codes):
            return None
        time.sleep(POLL_SECONDS)


def _end(ranks: list[subprocess.Popen[bytes]]) -> None:
    """End what still runs: a rank without its siblings would wait for them for ever."""
    running = [process for process in ranks if process.poll() is None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
