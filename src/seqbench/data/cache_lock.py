"""The lock of something in the cache folder, so that of several processes only one makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from seqbench.errors import DataError, RecordError


def cache_lock(path: Path) -> AbstractContextManager[Any]:
    """Held from now on to the end of the `with`; the folder of `path` is made where it is missing.

    Raises:
        DataError: the folder cannot be written to.
    """
    with writing_cache(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(path.name + ".lock")).acquire()


@contextmanager
def writing_cache(folder: Path) -> Iterator[None]:
    """What goes wrong in the block is the folder's: a full disk, a lack of permission.

    Raises:
        DataError: the folder cannot be written to.
    """
    try:
        yield
    except (OSError, RecordError) as error:  # a file written aside raises the latter of the former
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        raise DataError(
            f"cache {folder}",
            expected="a folder that can be written to",
            got=cause.strerror or str(cause),
            remedy="name another with paths.cache=DIR or SEQBENCH_CACHE=DIR",
        ) from error
