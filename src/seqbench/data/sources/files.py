"""The user's own files of classified texts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqbench.data.examples import label_ids
from seqbench.data.sources.source import Examples, SourceData, hash_file
from seqbench.data.sources.tables import check_file, read_table
from seqbench.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Files:
    """A file a split; what is missing is cut from train.

    Attributes:
        train: CSV, TSV, JSON Lines or Parquet, by its ending.
        validation: likewise.
        test: likewise.
    """

    train: str
    validation: str | None = None
    test: str | None = None


class FileSource:
    """Classified texts from files with a column of texts and one of labels.

    Args:
        files: a file a split.
        text_column: the column of texts.
        label_column: the column of labels: any text or integer.
        encoding: of CSV and JSON Lines files.
        delimiter: of CSV files; None goes by the ending.
    """

    def __init__(
        self,
        *,
        files: Files,
        text_column: str,
        label_column: str,
        encoding: str = "utf-8",
        delimiter: str | None = None,
    ) -> None:
        self.files = files
        self.text_column = text_column
        self.label_column = label_column
        self.encoding = encoding
        self.delimiter = delimiter

    def key(self, *, cache_dir: Path, datasets_dir: Path | None) -> str:
        """The settings and the bytes of the files."""
        hashes = {}
        for split, path in self._paths().items():
            check_file(path)
            hashes[split] = [hash_file(path), path.suffix.lower()]
        return json.dumps(
            [self.text_column, self.label_column, self.encoding, self.delimiter, hashes]
        )

    def load(self, *, cache_dir: Path, datasets_dir: Path | None) -> SourceData:
        """The splits there are files for.

        Raises:
            DataError: a file cannot be used; the message says which and why.
        """
        tables = {split: self.read(path) for split, path in self._paths().items()}
        label_names = _sorted_labels(tables["train"][1])
        if len(label_names) < 2:
            raise DataError(
                f"file {self.files.train}, column {self.label_column}",
                expected="at least 2 classes",
                got=f"only {label_names[0]!r}",
            )
        splits = {}
        for split, (texts, labels) in tables.items():
            try:
                ids = label_ids(labels, label_names)
            except DataError as error:
                error.name = f"file {self._paths()[split]}, {error.name}"
                raise DataError(
                    error.name, expected=error.expected, got=error.got, remedy=error.remedy
                ) from None
            splits[split] = Examples(texts=texts, labels=ids.astype(np.int64))
        return SourceData(splits=splits, label_names=tuple(label_names))

    def read(self, path: Path) -> tuple[list[str], list[str]]:
        """The texts and the label names of a file.

        Raises:
            DataError: the file cannot be used, or a text or a label is missing.
        """
        table = read_table(
            path,
            [self.text_column, self.label_column],
            encoding=self.encoding,
            delimiter=self.delimiter,
        )
        return (
            column_of_texts(table[self.text_column], f"file {path}, column {self.text_column}"),
            _column_of_labels(table[self.label_column], f"file {path}, column {self.label_column}"),
        )

    def _paths(self) -> dict[str, Path]:
        paths = {split: path for split, path in asdict(self.files).items() if path}
        return {split: Path(path).expanduser() for split, path in paths.items()}


def column_of_texts(values: Sequence[Any], where: str) -> list[str]:
    """Texts of a column; an empty text is one, a missing one is not.

    Raises:
        DataError: a value is missing, or is no text.
    """
    texts = []
    for row, value in enumerate(values, start=1):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise _missing(where, row, "a text")
        if not isinstance(value, str | int | float):
            raise DataError(
                f"{where}, example {row}", expected="a text", got=f"a {type(value).__name__}"
            )
        texts.append(_valid(str(value)))
    return texts


def _column_of_labels(values: Sequence[Any], where: str) -> list[str]:
    labels = []
    for row, value in enumerate(values, start=1):
        label = _label(value)
        if label is None:
            raise _missing(where, row, "a label")
        if not label:
            raise DataError(
                f"{where}, example {row}",
                expected="a label: a text or an integer",
                got=f"a {type(value).__name__}",
            )
        labels.append(label)
    return labels


def _label(value: Any) -> str | None:
    """The label's name; None where it is missing, empty where it is of no use."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # integers with gaps among them come as floats
        return None if math.isnan(value) else str(int(value)) if value.is_integer() else ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _valid(value.strip()) or None
    return None if value is None else ""


def _sorted_labels(labels: Sequence[str]) -> list[str]:
    """The different labels, integers by value and all else by the alphabet."""
    names = sorted(set(labels))
    if all(name.removeprefix("-").isascii() and name.removeprefix("-").isdigit() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return names


def _valid(text: str) -> str:
    """The text with lone surrogates, which no file can hold as UTF-8, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _missing(where: str, row: int, what: str) -> DataError:
    return DataError(
        f"{where}, example {row}",
        expected=what,
        got="nothing",
        remedy="fill it in, or drop the row",
    )
