"""Ctrl-C, SIGTERM and a launcher's stop during a run, as one thing: the run is interrupted."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

# From a launcher to its ranks: not SIGTERM, which they may have got too, with the whole group.
RELAYED_STOP = signal.SIGUSR1
SIGNALS = (signal.SIGINT, signal.SIGTERM, RELAYED_STOP)

AGAIN_SECONDS = 2.0  # before that, another SIGTERM is no second wish to stop


class Interrupts:
    """The handlers of these signals for the length of a `with` block, then those of before.

    They are set even where they were ignored: a program started with `&` in a script ignores
    Ctrl-C. A signal raises KeyboardInterrupt; while stops are deferred it is kept for the one who
    deferred, and only the same signal again raises at once. A second SIGTERM counts only after a
    while: Slurm sends it to a job's processes and to the program that started them, which sends it
    on. Not in the main thread nothing of all this happens, since Python handles signals nowhere
    else.

    Attributes:
        requested: whether a signal came while stops were deferred.
        deferring: whether somebody looks at `requested` soon.
    """

    def __init__(self) -> None:
        self.deferring = False
        self._received: set[int] = set()
        self._terminated = -math.inf
        self._before: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether the run was told to stop, and has not yet."""
        return bool(self._received)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in SIGNALS}
        self.install()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def install(self) -> None:
        """Set the handlers, again where Lightning has put its own in their place."""
        for number in self._before:
            signal.signal(number, self._handle)

    @contextlib.contextmanager
    def around_lightning(self) -> Iterator[None]:
        """What Lightning makes of a KeyboardInterrupt becomes one again.

        It calls `sys.exit(1)`, ignores every later Ctrl-C, and turns SIGTERM into a SystemExit
        without a code, which would end the program as if all had gone well.
        """
        try:
            yield
        except SystemExit as error:
            raise KeyboardInterrupt from error
        finally:
            self.install()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            before, self._terminated = self._terminated, time.monotonic()
            if self._terminated - before < AGAIN_SECONDS:
                return
        if not self.deferring or number in self._received:
            raise KeyboardInterrupt
        self._received.add(number)
