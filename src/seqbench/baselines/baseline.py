"""The contracts of baselines: what all have in common, and those that classify texts."""

from __future__ import annotations

import hashlib
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import RecordError, first_line
from seqbench.records.store import write_atomic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SETTINGS, _ARRAYS = "baseline.json", "baseline.npz"


class Fitted(ABC):
    """What is fitted in one go, deterministic, and kept in a folder."""

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """Numbers that were fitted; 0 before `fit`."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes what was fitted into the folder.

        Raises:
            RecordError: the folder cannot be written to.
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """The fitted baseline that `save` wrote; what it says is the same bits.

        Raises:
            RecordError: there is none, or it is of another kind.
        """


class Baseline(Fitted):
    """A classifier of raw texts.

    A baseline of your own subclasses this and is named by `model._target_`.
    """

    @abstractmethod
    def fit(self, texts: Sequence[str], labels: Ints, num_classes: int) -> None:
        """Learns from the training split.

        Args:
            texts: N texts.
            labels: class ids, shape N.
            num_classes: C; a class need not occur among the labels.

        Raises:
            DataError: the split is too small to learn from.
        """

    @abstractmethod
    def probabilities(self, texts: Sequence[str]) -> Floats:
        """The probability of each class for each text, shape (N, C), rows summing to 1.

        Raises:
            RuntimeError: it was not fitted.
        """


def write_state(
    folder: Path, *, kind: str, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Writes settings as JSON and numbers as npz: nothing that runs code when it is loaded.

    Raises:
        RecordError: the folder cannot be written to.
    """
    numbers = io.BytesIO()
    np.savez(numbers, allow_pickle=False, **arrays)
    write_atomic(folder / _ARRAYS, numbers.getvalue())
    plain = {"kind": kind, **settings}
    plain["sum"] = _sum(plain, numbers.getvalue())
    write_atomic(folder / _SETTINGS, json.dumps(plain, ensure_ascii=True) + "\n")


def read_state(folder: Path, *, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The settings and arrays that `write_state` wrote.

    Raises:
        RecordError: there are none, they are not as they were written, or they are of another kind
            of baseline.
    """
    try:
        settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
        written, numbers = settings.pop("sum"), (folder / _ARRAYS).read_bytes()
        if written != _sum(settings, numbers):
            raise ValueError("a damaged one")
        with np.load(io.BytesIO(numbers), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        found = settings.pop("kind")
    except (
        AttributeError, BadZipFile, EOFError, LookupError, OSError, RecursionError, TypeError,
        ValueError,
    ) as error:  # fmt: skip
        raise RecordError(
            str(folder),
            expected="a saved baseline",
            got=first_line(error),
            remedy="train it again with force=true",
        ) from error
    if found != kind:
        raise RecordError(str(folder), expected=f"a saved {kind}", got=str(found))
    return settings, arrays


def _sum(settings: Mapping[str, Any], numbers: bytes) -> str:
    """SHA-256 of both files' content, so that no damage passes for what was fitted."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(numbers)
    return digest.hexdigest()


def not_fitted(baseline: Fitted) -> RuntimeError:
    """The error of a baseline that is asked before it was fitted."""
    return RuntimeError(f"{type(baseline).__name__}: fit it before asking it anything")
