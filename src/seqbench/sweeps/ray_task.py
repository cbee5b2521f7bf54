"""A run as a task of Ray's: the run's own process, started and looked after by a Ray worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.node import Order, told
from seqbench.sweeps.stopping import STOP_SECONDS

_POLL_SECONDS = 0.1
CARRIED = ("SEQBENCH_", "WANDB_", "HF_")  # variables that the sweep's own runs would see


@dataclass(frozen=True)
class End:
    """How a run's process ended.

    Attributes:
        code: its exit code; negative for the signal that killed it.
        outcome: the run's, if it told one.
        said: its last line before the run's log was open, of an error for one.
    """

    code: int
    outcome: Outcome | None
    said: str


@dataclass(frozen=True)
class RayTask:
    """What a Ray worker executes.

    The run has a process of its own: a crash harms no worker, and a worker that was used before
    has no effect on a run's bits.

    Attributes:
        order: the run's.
        environment: variables of the sweep's that its runs need.
        threads: OMP_NUM_THREADS as the sweep has it; None for unset. Ray sets another.
    """

    order: Order
    environment: Mapping[str, str]
    threads: str | None

    @classmethod
    def of(cls, order: Order) -> RayTask:
        """The task to carry out an order in this process's surroundings."""
        carried = {name: value for name, value in os.environ.items() if name.startswith(CARRIED)}
        return cls(order, carried, os.environ.get("OMP_NUM_THREADS"))

    def __call__(self) -> End:
        """Carries out the order.

        Ray cancels a task by a KeyboardInterrupt: the run is then told to stop, and waited for.
        """
        with tempfile.TemporaryDirectory(prefix="seqbench-ray-") as folder:
            path, printed = Path(folder, "told.json"), Path(folder, "printed.txt")
            # A sweep that was started with `&` ignores it, and so do the workers that it started.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            process = self._start(path, printed)
            try:
                _wait(process)
            except KeyboardInterrupt:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # heard; again it would mean a kill
                process.send_signal(signal.SIGTERM)
                with suppress(TimeoutError):
                    _wait(process, STOP_SECONDS)
            finally:
                process.kill()
                process.wait()
            return End(process.returncode, told(path), last_line(printed))

    def _start(self, path: Path, printed: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **self.environment}
        environment.pop("OMP_NUM_THREADS", None)
        if self.threads is not None:
            environment["OMP_NUM_THREADS"] = self.threads
        plain: dict[str, Any] = {**asdict(self.order), "told": str(path), "parent": os.getpid()}
        command = [sys.executable, "-P", "-m", "seqbench.sweeps.node", json.dumps(plain)]
        with printed.open("wb") as errors:  # until the run's log is open
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # what is sent to the worker's group is not for the run
            )


def last_line(path: Path) -> str:
    """The last line of a file; empty where there is none."""
    with suppress(OSError):
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def _wait(process: subprocess.Popen[bytes], seconds: float = float("inf")) -> None:
    """Until the process has ended; awake now and then, since Ray interrupts nothing that sleeps.

    Raises:
        TimeoutError: it has not.
    """
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_POLL_SECONDS)
