"""Datasets of the Hugging Face hub: from a local mirror, the hub's cache, or the hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from seqbench.data.sources.clean import clean_texts
from seqbench.data.sources.files import column_of_texts
from seqbench.data.sources.hub_files import HubFiles, read_columns, values_of
from seqbench.data.sources.source import Examples, SourceData, hash_file
from seqbench.errors import DataError

MAX_CLASS_ID = 99_999
"""Beyond it a column holds something else than classes."""


class HubSource:
    """A classification dataset by its hub id.

    See `HubFiles` for where it is looked for.

    Args:
        hub_id: e.g. "stanfordnlp/imdb".
        config: the dataset's configuration, where it has several.
        revision: a commit or tag of the hub's repository; None is what is there at first download.
        text_column: the column of texts.
        label_column: the column of labels: class ids, or names.
        label_text_column: the column of the class names of ids, where there is one.
        label_names: the classes by id, where neither columns nor features name them.
        clean: "html_breaks" turns `<br />` into spaces; "headers" leaves out the sender,
            subject and so on that stand before the first empty line of a post or mail.
    """

    def __init__(
        self,
        *,
        hub_id: str,
        config: str | None = None,
        revision: str | None = None,
        text_column: str = "text",
        label_column: str = "label",
        label_text_column: str | None = None,
        label_names: list[str] | None = None,
        clean: Literal["none", "html_breaks", "headers"] = "none",
    ) -> None:
        self.hub_id = hub_id
        self.config = config
        self.revision = revision
        self.text_column = text_column
        self.label_column = label_column
        self.label_text_column = label_text_column
        self.label_names = list(label_names) if label_names is not None else None
        self.clean = clean

    def key(self, *, cache_dir: Path, datasets_dir: Path | None) -> str:
        """The settings and the bytes of the Parquet files; the files are fetched if need be."""
        files = self.files(cache_dir=cache_dir, datasets_dir=datasets_dir)
        settings = [
            self.hub_id,
            self.config,
            self.revision,
            self.text_column,
            self.label_column,
            self.label_text_column,
            self.label_names,
            self.clean,
        ]
        return json.dumps([settings, {split: hash_file(path) for split, path in files.items()}])

    def files(self, *, cache_dir: Path, datasets_dir: Path | None) -> dict[str, Path]:
        """The Parquet file of every split.

        Raises:
            DataError: no source has the dataset.
        """
        wanted = HubFiles(hub_id=self.hub_id, config=self.config, revision=self.revision)
        return wanted.find(cache_dir=cache_dir, datasets_dir=datasets_dir)

    def load(self, *, cache_dir: Path, datasets_dir: Path | None) -> SourceData:
        """The splits that the dataset has labels for.

        Raises:
            DataError: no source has the dataset, or it is not what the settings say.
        """
        files = self.files(cache_dir=cache_dir, datasets_dir=datasets_dir)
        tables = {split: self._read(path) for split, path in files.items()}
        if "train" not in tables:
            raise DataError(
                f"dataset {self.hub_id}", expected="a split train", got=", ".join(sorted(tables))
            )
        tables, notes = self._labelled(tables)
        names = self._names(tables["train"])
        splits = {split: self._examples(table, names) for split, table in tables.items()}
        if self.clean != "none":
            notes.append(f"texts cleaned: {self.clean}")
        return SourceData(splits=splits, label_names=tuple(names), notes=tuple(notes))

    def _read(self, path: Path) -> pa.Table:
        return read_columns(
            path,
            (self.text_column, self.label_column),
            keys="data.source.text_column and data.source.label_column",
        )

    def _names(self, train: pa.Table) -> list[str]:
        """The class names by id: as told, else from the features, a column, or the labels."""
        if self.label_names is not None:
            return self.label_names
        if names := _feature_names(train, self.label_column):
            return names
        values = self._labels(train)
        if None in values:
            raise DataError(
                f"dataset {self.hub_id}, column {self.label_column}",
                expected="a label for every training example",
                got=f"none for example {values.index(None) + 1}",
            )
        if values and isinstance(values[0], str):
            return sorted(set(map(str, values)))
        highest = self._highest([int(value) for value in values if value is not None])
        if self.label_text_column is not None and self.label_text_column in train.column_names:
            texts = values_of(train, self.label_text_column, f"dataset {self.hub_id}")
            named = dict(zip(values, texts, strict=True))
            return [str(named.get(i, i)) for i in range(highest + 1)]
        return [str(i) for i in range(highest + 1)]

    def _highest(self, ids: Sequence[int]) -> int:
        """The highest class id; ids count from 0, and few are unused."""
        lowest, highest = min(ids, default=0), max(ids, default=0)
        if lowest < 0 or highest > MAX_CLASS_ID:
            raise DataError(
                f"dataset {self.hub_id}, column {self.label_column}",
                expected=f"class ids from 0 to {MAX_CLASS_ID:,} at most",
                got=str(lowest if lowest < 0 else highest),
                remedy="set data.source.label_names, or name another column",
            )
        return highest

    def _labels(self, table: pa.Table) -> list[int | str | None]:
        """The labels as they stand: ids or names, and None for secret ones."""
        values = values_of(table, self.label_column, f"dataset {self.hub_id}")
        kinds = {type(value) for value in values if value is not None}
        if len(kinds) > 1 or not kinds <= {int, str, bool}:
            raise DataError(
                f"dataset {self.hub_id}, column {self.label_column}",
                expected="integers or texts",
                got=f"values of type {', '.join(sorted(kind.__name__ for kind in kinds))}",
                remedy="set data.source.label_column",
            )
        return values

    def _labelled(self, tables: dict[str, pa.Table]) -> tuple[dict[str, pa.Table], list[str]]:
        """The splits with labels; validation stands in for a test split whose labels are secret."""
        notes = []
        test = tables.get("test")
        if test is not None and set(self._labels(test)) <= {-1, None}:
            tables = {split: table for split, table in tables.items() if split != "test"}
            if "validation" in tables:
                tables["test"] = tables.pop("validation")
                notes.append(
                    "test: its labels are not public; the validation split is used as test"
                )
        return tables, notes

    def _examples(self, table: pa.Table, names: Sequence[str]) -> Examples:
        labels = self._labels(table)
        ids: dict[object, int] = {name: i for i, name in enumerate(names)}
        ids.update({i: i for i in range(len(names))})
        for label in labels:
            if label not in ids:
                raise DataError(
                    f"dataset {self.hub_id}, column {self.label_column}",
                    expected=f"one of {', '.join(names)}, or their ids",
                    got=repr(label),
                    remedy="set data.source.label_names",
                )
        where = f"dataset {self.hub_id}, column {self.text_column}"
        values = values_of(table, self.text_column, f"dataset {self.hub_id}")
        texts = column_of_texts(values, where)
        return Examples(
            texts=clean_texts(texts, self.clean),
            labels=np.array([ids[label] for label in labels], dtype=np.int64),
        )


def _feature_names(table: pa.Table, column: str) -> list[str]:
    """The class names that `datasets` has written into a Parquet file."""
    metadata = (table.schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        feature = json.loads(metadata)["info"]["features"][column]
        return [str(name) for name in feature["names"]]
    except (ValueError, KeyError, TypeError):
        return []
