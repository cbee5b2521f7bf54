"""The lock of something in the cache folder, so that of several processes only one makes it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from filelock import FileLock

from seqbench.errors import DataError


def cache_lock(path: Path) -> AbstractContextManager[Any]:
    """Held from now on to the end of the `with`; the folder of `path` is made where it is missing.

    Raises:
        DataError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(path.name + ".lock")).acquire()
    except OSError as error:
        raise DataError(
            f"cache {path.parent}",
            expected="a folder that can be written to",
            got=error.strerror or str(error),
            remedy="name another with paths.cache=DIR or SEQBENCH_CACHE=DIR",
        ) from None
