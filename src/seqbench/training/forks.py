"""Processes forked from one that has imported everything: how they begin and end."""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import signal
import sys
import threading
import weakref
from typing import NoReturn

_PR_SET_PDEATHSIG = 1  # prctl(2)


def begin_child() -> None:
    """To be called first in a forked child: it ends with its parent, and cleans up only its own."""
    die_with_parent()
    # Temporary folders of the parent, for one, are not this process's to remove at its exit.
    atexit._clear()
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False
    atexit.register(weakref.finalize._exitfunc)  # type: ignore[attr-defined]


def signal_name(number: int) -> str:
    """SIGKILL for 9; a number for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_forking = 0  # the process that forked last: in a child, its parent


def _note() -> None:
    global _forking
    _forking = os.getpid()


os.register_at_fork(before=_note)


def die_with_parent() -> None:
    """From now on the kernel kills this process when the one that forked it ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != _forking:  # it was gone before
            os._exit(1)


def stop_with(parent: int) -> None:
    """From now on the kernel tells this process to stop when `parent`, which started it, ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was gone before
            os.kill(os.getpid(), signal.SIGTERM)


def end_child(code: int) -> NoReturn:
    """Ends as Python does, but leaves freeing hundreds of megabytes to the kernel."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does
        atexit._run_exitfuncs()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
