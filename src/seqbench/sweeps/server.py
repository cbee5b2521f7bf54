"""The pool's end of the warm process: starting it, telling it, hearing it."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from seqbench.errors import TrainingError
from seqbench.sweeps.messages import Unpacker, packed

# What a training imports, early or late, and what it finds out that is the same for all of them:
# looked up in the modules that its processes had added, and in their profiles.
PRELOAD = (
    "seqbench.training.execute",
    "seqbench.training.rank",
    "wandb.sdk.launch",
    "requests",
    "encodings.idna",
    "filelock",
    "pandas",
    "pyarrow.dataset",
    "seqbench.records.provenance:collect_provenance",
    "seqbench.training.trainer:blas",
)

CLOSE_SECONDS = 5.0
MAX_DEATHS = 3  # in a row, no job having ended in between


class ServerDied(Exception):
    """The warm process has ended; so have all jobs that it had forked."""


class Server:
    """A warm process.

    Args:
        modules: what it imports before it forks the first job.

    Attributes:
        is_ready: whether it has imported them.
    """

    def __init__(self, modules: Sequence[str] = PRELOAD) -> None:
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "seqbench.sweeps.warm", str(theirs.fileno())]
        # -P: a file of the user's must not be taken for a module of Python's.
        # A session of its own: Ctrl-C in the terminal is for the pool alone.
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        self._unpacker = Unpacker()
        self.is_ready = False
        self.preload(modules)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def preload(self, modules: Sequence[str]) -> None:
        """Has it import these before the next job."""
        self.tell(do="preload", modules=list(modules), path=sys.path, argv=sys.argv)

    def tell(self, **order: Any) -> None:
        """Sends an order; what became of it is told by `messages`.

        Raises:
            ServerDied: it cannot be told any more.
        """
        try:
            self._socket.sendall(packed(order))
        except OSError as error:
            raise ServerDied from error

    def messages(self, seconds: float) -> list[dict[str, Any]]:
        """What it has to say; waits so long for the first message.

        Raises:
            ServerDied: it will say no more.
            TrainingError: it could not import what jobs need.
        """
        if not select.select([self._socket], [], [], seconds)[0]:
            return []
        try:
            data = self._socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            raise self._end()
        found = self._unpacker.unpacked(data)
        self.is_ready = self.is_ready or any("ready" in message for message in found)
        return [message for message in found if "ready" not in message]

    def close(self) -> None:
        """Lets it go: it stops its jobs, if there are any, and ends."""
        self._socket.close()
        if not self.is_ready:
            self._process.kill()  # still importing, without a job to stop
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=CLOSE_SECONDS)

    def _end(self) -> Exception:
        self._socket.close()
        code = self._process.wait()
        if self.is_ready or code < 0:
            return ServerDied()
        return TrainingError(
            "hydra/launcher=pool",
            expected="a process that imports what jobs need",
            got=f"its end with exit code {code}",
            remedy="see the error above; hydra/launcher=basic does without it",
        )


def keeps_dying() -> TrainingError:
    """The error of a warm process that is killed again and again."""
    return TrainingError(
        "hydra/launcher=pool",
        expected="a process that starts jobs",
        got=f"its end, {MAX_DEATHS} times in a row",
        remedy="the machine may be short of memory: try fewer at once with hydra.launcher.slots=1",
    )
