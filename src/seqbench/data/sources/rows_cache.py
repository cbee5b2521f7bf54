"""Keeps rows of texts on disk as a Parquet file, so that they are made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seqbench.data.cache_lock import cache_lock, writing_cache
from seqbench.records.store import replacing

Rows = list[dict[str, str]]


def cached_rows(path: Path, make: Callable[[], Rows]) -> Rows:
    """The rows in this file; made and written where it is missing or unreadable.

    Raises:
        DataError: it has to be made, and the cache folder cannot be written to.
    """
    if (rows := _read(path)) is not None:
        return rows
    with cache_lock(path):
        rows = _read(path)
        if rows is None:
            rows = [{key: _valid(text) for key, text in row.items()} for row in make()]
            with writing_cache(path.parent):
                _write(path, rows)
    return rows


def _read(path: Path) -> Rows | None:
    try:
        rows: Rows = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException, TypeError):
        return None
    return rows


def _write(path: Path, rows: Rows) -> None:
    for earlier in path.parent.glob(f".{path.name}.*.tmp"):  # under the lock: of killed ones
        earlier.unlink()
    with replacing(path) as aside:
        pq.write_table(pa.Table.from_pylist(rows), aside)


def _valid(text: str) -> str:
    """A lone surrogate is legal in a Python string and not in UTF-8."""
    return text.encode("utf-8", "replace").decode()
