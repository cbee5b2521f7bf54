"""The exclusive claim on a run folder: one process at a time, and the next one learns whose."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.errors import RecordError
from seqbench.records.provenance import utc_now
from seqbench.records.store import unwritable

# Somebody who asks `is_held` has the lock for a moment: not every refusal is another's claim.
_TRIES, _TRY_SECONDS = 3, 0.02
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_held: set[int] = set()


class Held(RecordError):
    """A run folder that another process has claimed."""


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Holds the lock file `path` for the length of the block.

    The kernel releases the lock when the process ends in whatever way, so nothing stale is left.

    Raises:
        Held: another process, or this one, holds it.
        RecordError: the folder cannot be written to, or its file system has no locks.
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
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"


def is_held(path: Path) -> bool:
    """Whether a process holds the lock file `path` now; False where locks do not work."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        # One let go in order is empty: not to lock it keeps out of the way of who claims it now.
        if os.fstat(descriptor).st_size:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def require_locks(folder: Path) -> None:
    """Refuses a folder where two processes could not be kept apart; makes it where it is missing.

    Raises:
        RecordError: it lies on a file system without locks, or cannot be written to.
    """
    probe = folder / f".lock-probe-{os.getpid()}"
    with claimed(probe):
        pass
    with suppress(OSError):
        probe.unlink()


def _lock(descriptor: int, path: Path) -> None:
    _lock_or_refuse(descriptor, path)
    who = {"pid": os.getpid(), "host": socket.gethostname(), "since": utc_now()}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(who).encode(), 0)
    except OSError as error:
        raise unwritable(path, error) from error


def _lock_or_refuse(descriptor: int, path: Path) -> None:
    for last in (False,) * _TRIES + (True,):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if last:
                raise Held(
                    str(path.parent),
                    got=f"held by {holder(path)}",
                    remedy="wait for it to end, or stop it",
                ) from None
            time.sleep(_TRY_SECONDS)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise RecordError(
                    str(path.parent),
                    expected="a file system with locks",
                    got=f"one without ({error.strerror})",
                    remedy="choose another folder for outputs with paths.outputs=DIR",
                ) from error
            raise unwritable(path, error) from error


def _let_go_in_child() -> None:
    """A forked data-loading worker must not keep its parent's lock alive."""
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
