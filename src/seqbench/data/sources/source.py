"""What every source of classified texts gives: splits of texts and labels, and a cheap key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Examples:
    """The classified texts of one split.

    Attributes:
        texts: N raw texts.
        labels: class ids, shape N.
    """

    texts: Sequence[str]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> Examples:
        """The examples of these rows, in this order."""
        return Examples(texts=[self.texts[row] for row in rows], labels=self.labels[rows])


@dataclass(frozen=True, kw_only=True)
class SourceData:
    """Everything a source knows.

    Attributes:
        splits: "train" always; "validation" and "test" where the dataset has them.
        label_names: names of the classes by id.
        notes: treatments that a reader of results must know of.
    """

    splits: dict[str, Examples]
    label_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """A dataset that can be loaded, and recognised without being loaded.

    `cache_dir` is where a source may keep what took long to get; `datasets_dir` is the local
    mirror of the hub, where there is one.
    """

    def key(self, *, cache_dir: Path, datasets_dir: Path | None) -> str:
        """A text that changes whenever `load` would give other data; cheap, and reads no texts."""

    def load(self, *, cache_dir: Path, datasets_dir: Path | None) -> SourceData:
        """The data.

        Raises:
            DataError: the data is missing, unreadable, or not what it should be.
        """


def hash_examples(splits: dict[str, Examples], label_names: Sequence[str]) -> str:
    """A hash of texts, labels, label names and the way they are split: 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for name in label_names:
        _feed(digest, name)
    for split in sorted(splits):
        _feed(digest, split)
        digest.update(np.ascontiguousarray(splits[split].labels, dtype="<i8").tobytes())
        for text in splits[split].texts:
            _feed(digest, text)
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """A hash of a file's bytes: 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _feed(digest: hashlib.blake2b, text: str) -> None:
    """Add a text with its length, so that two texts cannot pass for another two."""
    data = text.encode("utf-8", "surrogatepass")
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)
