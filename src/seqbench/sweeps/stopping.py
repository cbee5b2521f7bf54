"""Being told to stop: once is to save checkpoints, twice is at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

AGAIN_SECONDS = 2.0  # before that, another signal than Ctrl-C is not a second wish to stop

STOP_SECONDS = 60.0
"""For checkpoints, between being told to stop and being killed; a run of several processes has a
little less for them (`training.distributed`), and who waits for a scheduler a little more."""

# SIGUSR1 is Slurm's warning before a time limit.
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that grows by each signal that asks this process to stop, for the block's length.

    Installed explicitly, as a shell starts a job in the background with Ctrl-C ignored.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    since = [0.0]

    def note(number: int, _: object) -> None:
        # A closing terminal hangs up twice, a service manager may send several at once.
        if not received:
            since[0] = time.monotonic()
        elif number != signal.SIGINT and time.monotonic() - since[0] < AGAIN_SECONDS:
            return
        received.append(number)

    wanted = [number for number in _STOPPING if not _is_nohup(number)]
    before: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, note) for number in wanted
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_nohup(number: int) -> bool:
    """Whether the user has seen to it that the end of the terminal is not the sweep's."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
