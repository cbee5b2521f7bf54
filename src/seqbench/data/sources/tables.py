"""Reads a user's CSV, JSON Lines or Parquet file; whatever is wrong with it is a DataError."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seqbench.errors import ConfigError, DataError, first_line

Columns = dict[str, list[Any]]
DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = frozenset({".jsonl", ".ndjson"})
PARQUET = frozenset({".parquet", ".pq"})
# Of the bytes of a Parquet file, or of its values once they become Python's.
UNREADABLE = (OSError, pa.ArrowException, ValueError, LookupError, TypeError, OverflowError)
ENDINGS = (*DELIMITERS, *sorted(JSON_LINES), *sorted(PARQUET))


def read_table(
    path: Path, columns: Sequence[str], *, encoding: str = "utf-8", delimiter: str | None = None
) -> Columns:
    """These columns of a file; its ending says what it is.

    Args:
        path: a file ending in .csv, .tsv, .jsonl, .ndjson, .parquet or .pq.
        columns: the columns wanted.
        encoding: of text files.
        delimiter: of CSV; None goes by the ending.

    Raises:
        DataError: the file is missing, empty, unreadable, or lacks a column.
        ConfigError: there is no such encoding or delimiter.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise DataError(f"file {path}", expected=f"a name ending in {', '.join(ENDINGS)}")
    check_file(path)
    if ending in PARQUET:
        table = _read_parquet(path, columns)
    else:
        text = decoded(path, encoding)
        if ending in JSON_LINES:
            table = _read_json_lines(path, text, columns)
        else:
            table = _read_csv(path, text, columns, delimiter or DELIMITERS[ending])
    if not table[columns[0]]:
        raise DataError(f"file {path}", expected="at least one example", got="none")
    return table


def check_file(path: Path) -> None:
    """Raise unless there is a readable file with something in it.

    Raises:
        DataError: there is none.
    """
    try:
        if path.is_dir():
            raise DataError(f"file {path}", expected="a file", got="a folder")
        if not path.exists():
            raise _no_file(path)
        with path.open("rb") as file:
            if not file.read(1):
                raise DataError(f"file {path}", expected="examples", got="an empty file")
    except (OSError, ValueError) as error:
        raise DataError(f"file {path}", expected="a readable file", got=str(error)) from None


def _no_file(path: Path) -> DataError:
    try:
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError:
        names = []
    close = get_close_matches(path.name, names, n=1)
    return DataError(
        f"file {path}",
        expected="a file",
        got="nothing there",
        remedy=f"did you mean {close[0]}?" if close else "",
    )


def decoded(path: Path, encoding: str, *, key: str = "data.encoding") -> str:
    """A file's text, without a byte order mark; `key` is the config key that names the encoding.

    Raises:
        DataError: it is not in this encoding.
        ConfigError: there is no such encoding.
    """
    data = path.read_bytes()
    # a byte order mark, as spreadsheet programs write it, is not part of the first column's name
    known = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        text = data.decode(known)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"file {path}",
            expected=f"{encoding} text",
            got=f"byte 0x{data[error.start]:02x} at offset {error.start}, line {line}",
            remedy=f"say which encoding it has ({key}=cp1252 or latin-1), or save it as UTF-8",
        ) from None
    except (LookupError, ValueError, TypeError):
        raise ConfigError(key, expected="an encoding such as utf-8", got=repr(encoding)) from None
    if not isinstance(text, str):  # codecs such as "hex" decode to bytes
        raise ConfigError(key, expected="a text encoding", got=repr(encoding))
    return text


def _read_csv(path: Path, text: str, columns: Sequence[str], delimiter: str) -> Columns:
    csv.field_size_limit(sys.maxsize)  # the default refuses texts over 128 KB
    delimiter = "\t" if delimiter == "\\t" else delimiter  # as a shell hands it over
    try:
        # strict: else a quote that is never closed swallows the rest of the file without a word
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except (TypeError, ValueError):
        raise ConfigError("data.delimiter", expected="one character", got=repr(delimiter)) from None
    try:
        header = next((row for row in reader if row), [])
        _check_delimiter(path, header, columns, delimiter)
        places = [_place(path, header, column) for column in columns]
        table: Columns = {column: [] for column in columns}
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise DataError(
                    f"file {path}, line {reader.line_num}",
                    expected=f"{len(header)} fields as in the header",
                    got=f"{len(row)}",
                    remedy=f"put fields that hold {delimiter!r} or quotes into double quotes",
                )
            for column, place in zip(columns, places, strict=True):
                table[column].append(row[place])
    except csv.Error as error:
        raise DataError(
            f"file {path}, line {reader.line_num}",
            expected="CSV",
            got=str(error),
            remedy="a field that begins with a quote must end with one, and quotes inside it are "
            "doubled; JSON Lines needs no such care",
        ) from None
    return table


def _check_delimiter(
    path: Path, header: Sequence[str], columns: Sequence[str], delimiter: str
) -> None:
    """Raise where the header is one field that holds all the columns, apart by something else."""
    if len(header) != 1 or set(columns) <= set(header):
        return
    for other in (*DELIMITERS.values(), ";", "|"):
        if set(columns) <= {name.strip() for name in header[0].split(other)}:
            shown = "\\t" if other == "\t" else other
            raise DataError(
                f"file {path}",
                expected=f"columns that {delimiter!r} separates",
                got=repr(header[0]),
                remedy=f"set \"data.delimiter='{shown}'\"",
            )


def _read_json_lines(path: Path, text: str, columns: Sequence[str]) -> Columns:
    table: Columns = {column: [] for column in columns}
    for number, entry in _json_entries(path, text):
        for column in columns:
            if column not in entry:
                raise missing_column(f"file {path}, line {number}", column, list(entry))
            table[column].append(entry[column])
    return table


def _json_entries(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # split at line feeds alone: splitlines() would cut at characters that JSON allows in strings
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"file {path}, line {number}", expected="a JSON object", got=str(error)
            ) from None
        if not isinstance(entry, dict):
            raise DataError(
                f"file {path}, line {number}",
                expected="a JSON object",
                got=f"a JSON {type(entry).__name__}",
            )
        yield number, entry


def _read_parquet(path: Path, columns: Sequence[str]) -> Columns:
    try:
        table = pq.read_table(path)
        for column in columns:
            _place(path, table.column_names, column)
        return {column: table[column].to_pylist() for column in columns}
    except UNREADABLE as error:
        raise DataError(f"file {path}", expected="a Parquet file", got=first_line(error)) from None


def _place(path: Path, header: Sequence[str], column: str) -> int:
    if list(header).count(column) > 1:
        raise DataError(f"file {path}", expected=f"one column {column!r}", got="several")
    if column not in header:
        raise missing_column(f"file {path}", column, header)
    return list(header).index(column)


def missing_column(where: str, column: str, there: Sequence[str]) -> DataError:
    """The error for a column that is not there: names those that are, and the nearest."""
    close = get_close_matches(column, list(there), n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return DataError(
        where,
        expected=f"a column {column!r}",
        got="the columns " + ", ".join(map(repr, there)) if there else "no columns",
        remedy=f"{hint}set data.text_column and data.label_column",
    )
