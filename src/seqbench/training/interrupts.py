"""Ctrl-C and SIGTERM in the middle of training, as one thing: the run was interrupted."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Around Lightning: a stop from outside comes out as KeyboardInterrupt.

    Lightning turns Ctrl-C into `sys.exit(1)`, and ignores every later one; SIGTERM it turns into a
    SystemExit without a code, which would end the program as if all had gone well.

    Raises:
        KeyboardInterrupt: the process was told to stop.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        raise KeyboardInterrupt from error
    finally:
        if signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)
