"""Ctrl-C, SIGTERM, SIGUSR1 and a launcher's stop during a run, as one: the run is interrupted."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn, Self

from seqbench.errors import Stopped

# From a launcher to its ranks: not SIGTERM, which they may have got too, with the whole group.
RELAYED_STOP = signal.SIGUSR1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
# Sent again, these mean it: SIGUSR1 is a warning, which Slurm and a launcher may both give.
_INSISTING = (signal.SIGINT, signal.SIGTERM)

AGAIN_SECONDS = 2.0  # before that, another SIGTERM is no second wish to stop


class Interrupts:
    """The handlers of these signals for the length of a `with` block, then those of before.

    They are set even where they were ignored: a program started with `&` in a script ignores
    Ctrl-C. A signal raises `Stopped`; while stops are deferred it is kept for the one who
    deferred, and only Ctrl-C or SIGTERM again raise at once. A second SIGTERM counts only after a
    while: Slurm sends it to a job's processes and to the program that started them, which sends it
    on. Once one has been raised, only Ctrl-C raises again: whatever else comes must not keep the
    run from recording that it was stopped. Not in the main thread nothing of all this happens,
    since Python handles signals nowhere else.

    Attributes:
        requested: the first signal that came; 0 while none has.
        deferring: whether somebody looks at `requested` soon.
    """

    def __init__(self) -> None:
        self.deferring = False
        self._received: list[int] = []
        self._terminated = -math.inf
        self._raised = False
        self._before: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> int:
        """Which signal has told the run to stop; 0 for none."""
        return self._received[0] if self._received else 0

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

    def stop(self, number: int) -> NoReturn:
        """End the run; from here on only Ctrl-C raises again.

        Raises:
            Stopped: by this signal.
        """
        self._raised = True
        raise Stopped(number)

    @contextlib.contextmanager
    def around_lightning(self) -> Iterator[None]:
        """What Lightning makes of a KeyboardInterrupt becomes one again.

        It calls `sys.exit(1)`, ignores every later Ctrl-C, and turns SIGTERM into a SystemExit
        without a code, which would end the program as if all had gone well.
        """
        try:
            yield
        except SystemExit as error:
            stop = error.__context__
            if isinstance(stop, KeyboardInterrupt) and not isinstance(stop, Stopped):
                raise KeyboardInterrupt from error
            number = stop.signal if isinstance(stop, Stopped) else self.requested
            raise Stopped(number or signal.SIGTERM) from error
        finally:
            self.install()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            now = time.monotonic()
            if now - self._terminated < AGAIN_SECONDS:
                return
            self._terminated = now  # of one that counts: who repeats it sooner is heard in the end
        insists = number in _INSISTING and number in self._received
        self._received.append(number)
        if self.deferring and not insists:
            return
        if self._raised and number != signal.SIGINT:
            return
        self.stop(number)
