"""Where a dataset of the Hugging Face hub lies on this machine: mirror, kept copy, hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seqbench.data.sources.hub_download import download
from seqbench.data.sources.tables import UNREADABLE
from seqbench.errors import DataError, first_line

SPLIT_NAMES = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class HubFiles:
    """A dataset by its hub id.

    Looked for in this order: the mirror `DIR/<hub id>[/<config>]/<split>.parquet` (DIR is
    `paths.datasets`, or SEQBENCH_DATASETS), what an earlier run has kept in the same layout in the
    cache folder, the hub's own cache, the hub. What comes from the hub is kept, so that a later run
    neither asks the hub nor sees other data.

    Attributes:
        hub_id: e.g. "stanfordnlp/imdb".
        config: the dataset's configuration, where it has several.
        revision: a commit or tag of the hub's repository; None is what is there at first download.
    """

    hub_id: str
    config: str | None = None
    revision: str | None = None

    @property
    def place(self) -> str:
        """The folder below a mirror."""
        return f"{self.hub_id}/{self.config}" if self.config else self.hub_id

    def find(self, *, cache_dir: Path, datasets_dir: Path | None) -> dict[str, Path]:
        """The Parquet file of every split, fetched if need be.

        Raises:
            DataError: no source has the dataset.
        """
        mirror = datasets_dir / self.place if datasets_dir is not None else None
        if mirror is not None and (found := _split_files(mirror)):
            return found
        # a revision is part of the kept copy's place, and never of a mirror's
        revision = hashlib.blake2b((self.revision or "").encode(), digest_size=4).hexdigest()
        kept = cache_dir / "hub" / revision / self.place
        if not _split_files(kept):
            download(self.hub_id, self.config, self.revision, into=kept, mirror=mirror)
        return _split_files(kept)


def read_columns(path: Path, columns: Sequence[str], *, keys: str) -> pa.Table:
    """A Parquet file that has these columns.

    Args:
        path: the file.
        columns: their names.
        keys: the config keys that name columns, for the error.

    Raises:
        DataError: it is no such file.
    """
    try:
        table = pq.read_table(path)
    except UNREADABLE as error:
        raise DataError(
            f"{path}",
            expected="a Parquet file",
            got=f"{type(error).__name__}",
            remedy="fetch it again",
        ) from None
    for column in columns:
        if column not in table.column_names:
            raise DataError(
                f"{path}",
                expected=f"a column {column!r}",
                got="the columns " + ", ".join(table.column_names),
                remedy=f"set {keys}",
            )
    return table


def values_of(table: pa.Table, column: str, where: str) -> list[Any]:
    """A column's values as Python's own.

    Raises:
        DataError: Python has none for them (another time zone, a year beyond its calendar).
    """
    try:
        values: list[Any] = table[column].to_pylist()
    except UNREADABLE as error:
        raise DataError(
            f"{where}, column {column}", expected="values", got=first_line(error)
        ) from None
    return values


def _split_files(folder: Path) -> dict[str, Path]:
    files = {split: folder / f"{split}.parquet" for split in SPLIT_NAMES}
    return {split: path for split, path in files.items() if path.is_file()}
