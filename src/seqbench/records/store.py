"""Atomic writes: a file is there whole, or as it was before."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.errors import RecordError

_counter = itertools.count()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` to write to; it takes the place of `path` at the end of the block.

    The file is synced before it is renamed and its folder afterwards, so that neither a kill nor
    a loss of power leaves half a file. An exception in the block leaves `path` as it was.

    Raises:
        RecordError: the folder cannot be written to.
    """
    # The process and a counter in the name: two writers never share a temporary file.
    aside = path.with_name(f".{path.name}.{os.getpid()}.{next(_counter)}.tmp")
    try:
        yield aside
        sync(aside)
        os.replace(aside, path)
        sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        # On a read-only file system the removal fails too; the first error is the one to tell.
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def write_atomic(path: Path, content: str | bytes) -> None:
    """Writes a whole file at once; text as UTF-8.

    Raises:
        RecordError: the folder cannot be written to.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as aside:
        aside.write_bytes(data)


def drop_unfinished(folder: Path, *, but: str) -> None:
    """Removes the files aside that killed writers have left in a folder, as far as that goes.

    Args:
        folder: where nobody else writes now; it need not exist.
        but: the name of a file that somebody may be writing all the same.
    """
    for aside in folder.glob(".*.*.*.tmp"):
        if not aside.name.startswith(f".{but}."):
            with suppress(OSError):
                aside.unlink()


def unwritable(path: Path, error: OSError, key: str = "paths.outputs") -> RecordError:
    """The error for a place that cannot be written to; `key` chooses another."""
    return RecordError(
        str(path),
        expected="a place that can be written to",
        got=error.strerror or str(error),
        remedy=f"choose another folder for outputs with {key}=DIR",
    )


def sync(path: Path) -> None:
    """Puts a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
