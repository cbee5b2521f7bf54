"""`metrics.jsonl`: the history of a run, one JSON object a line, append-only.

Every row holds `step`, `epoch`, `seconds` (of training so far) and `tokens` (seen so far), then
any values named `split/metric`. A value that is not finite is null.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqbench.errors import RecordError
from seqbench.records.schema import to_plain
from seqbench.records.store import unwritable

_PLACE = ("step", "epoch", "seconds", "tokens")
_LARGEST = 2**63


class MetricsWriter:
    """Appends rows; each is in the kernel's hands when `write` returns, so a kill loses none.

    Args:
        path: the file, made where it does not exist. A last line torn by a kill is cut off.

    Raises:
        RecordError: the file cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            content = path.read_bytes()
            self.length = content.rfind(b"\n") + 1
            if self.length < len(content):
                os.ftruncate(self._descriptor, self.length)
        except OSError as error:
            raise unwritable(path, error) from error

    def write(
        self, *, step: int, epoch: int, seconds: float, tokens: int, values: Mapping[str, float]
    ) -> None:
        """Appends one row.

        Args:
            step: optimizer steps so far.
            epoch: counted from 0.
            seconds: of training so far, over all resumes.
            tokens: training tokens seen so far.
            values: by name, e.g. {"train/loss": 0.7}.

        Raises:
            RecordError: the file cannot be written to.
        """
        row: dict[str, Any] = {"step": step, "epoch": epoch, "seconds": seconds, "tokens": tokens}
        row |= {name: float(value) for name, value in values.items()}
        line = json.dumps(to_plain(row), allow_nan=False).encode() + b"\n"
        try:
            written = 0
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            raise unwritable(self.path, error) from error
        self.length += len(line)

    def truncate(self, length: int) -> None:
        """Goes back to an earlier `length` in bytes, as a checkpoint remembers it.

        Raises:
            RecordError: the file is shorter, or has no end of a row there.
        """
        if length != self.length:
            content = self.path.read_bytes()
            if length > len(content) or (length and content[length - 1 : length] != b"\n"):
                raise RecordError(
                    str(self.path),
                    expected=f"a row that ends at byte {length}, as the checkpoint says",
                    got=f"{len(content)} bytes",
                    remedy="the history was changed by hand; retrain with force=true",
                )
            os.ftruncate(self._descriptor, length)
            self.length = length

    def sync(self) -> None:
        """Puts what was written on the disk; call it before a checkpoint names `length`.

        Raises:
            RecordError: the disk does not take it.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def close(self) -> None:
        """Closes the file; once more does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Every whole row; a last line that a kill tore, or that is being written, is left out.

    Raises:
        RecordError: the file cannot be read, or another row than the last is not JSON.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is torn
    except OSError as error:
        raise RecordError(str(path), got=error.strerror or str(error)) from error
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            row = None
        if not _is_row(row):
            expected = "a JSON object of step, epoch, seconds, tokens and numbers by name"
            raise RecordError(f"{path}, line {number}", expected=expected, got=repr(line[:60]))
        rows.append(row)
    return rows


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or any(row.get(name) is None for name in _PLACE):
        return False
    return all(value is None or _is_number(value) for value in row.values())


def _is_number(value: Any) -> bool:
    """Of 64 bits, as other engines have; `true` is no number, and 1e999 is none that JSON knows."""
    if type(value) is float:
        return math.isfinite(value)  # a loss that diverges is larger than any integer
    return type(value) is int and abs(value) < _LARGEST
