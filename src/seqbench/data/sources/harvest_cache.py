"""Keeps a harvest on disk as a Parquet file, so that it is made once a set of versions."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from seqbench.data.sources.harvest import Docstring


def cached_harvest(path: Path, make: Callable[[], list[Docstring]]) -> list[Docstring]:
    """The harvest in this file; made and written where it is missing or unreadable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        docstrings = _read(path)
        if docstrings is None:
            docstrings = make()
            _write(path, docstrings)
    return docstrings


def _read(path: Path) -> list[Docstring] | None:
    try:
        rows = pq.read_table(path).to_pylist()
        return [Docstring(**row) for row in rows]
    except (OSError, pa.ArrowException, TypeError):
        return None


def _write(path: Path, docstrings: list[Docstring]) -> None:
    """Written aside and renamed, so that no reader ever sees half of it."""
    # a lone surrogate is legal in a Python string and not in UTF-8
    rows = [
        {k: v.encode("utf-8", "replace").decode() for k, v in asdict(docstring).items()}
        for docstring in docstrings
    ]
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(pa.Table.from_pylist(rows), aside)
    os.replace(aside, path)
