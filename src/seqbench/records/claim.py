"""The exclusive claim on a run folder: one process at a time, and the next one learns whose."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.errors import RecordError
from seqbench.records.provenance import utc_now
from seqbench.records.store import unwritable

_held: set[int] = set()


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Holds the lock file `path` for the length of the block.

    The kernel releases the lock when the process ends in whatever way, so nothing stale is left.

    Raises:
        RecordError: another process, or this one, holds it; or the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        _lock(descriptor, path)
        _held.add(descriptor)
        try:
            yield
        finally:
            _held.discard(descriptor)
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
                # Closing alone would leave it to a child that was forked and has not run yet.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def holder(path: Path) -> str:
    """Who wrote the lock file: process, host and since when; "another process" if it says not."""
    try:
        plain = json.loads(path.read_text())
        return f"process {plain['pid']} on {plain['host']} since {plain['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RecordError(
            str(path.parent),
            got=f"held by {holder(path)}",
            remedy="wait for it to end, or stop it",
        ) from None
    except OSError as error:
        raise unwritable(path, error) from error
    who = {"pid": os.getpid(), "host": socket.gethostname(), "since": utc_now()}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(who).encode(), 0)
    except OSError as error:
        raise unwritable(path, error) from error


def _let_go_in_child() -> None:
    """A forked data-loading worker must not keep its parent's lock alive."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
