"""The lock of something in the cache folder, so that of several processes only one makes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from seqbench.errors import DataError, RecordError
from seqbench.records.store import sync


def cache_lock(path: Path) -> AbstractContextManager[Any]:
    """Held from now on to the end of the `with`; the folder of `path` is made where it is missing.

    Raises:
        DataError: the folder cannot be written to.
    """
    with writing_cache(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(path.name + ".lock")).acquire()


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path` to fill; it takes the place of `path` at the end of the block.

    Its files are on the disk before it is renamed, so that neither a kill nor a loss of power
    leaves half of it. Only the holder of the lock may do this: what another has left aside, which
    was killed, is cleared away.
    """
    aside, old = left = [path.with_name(f".{path.name}.{word}") for word in ("aside", "old")]
    for each in left:
        shutil.rmtree(each, ignore_errors=True)
    aside.mkdir()  # unlike tempfile's, others may read it
    try:
        yield aside
        for written in (*aside.rglob("*"), aside):
            sync(written)
        if path.exists():  # damaged: a rename wants an empty place
            os.replace(path, old)
        os.replace(aside, path)
        sync(path.parent)
    finally:
        for each in left:
            shutil.rmtree(each, ignore_errors=True)


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
