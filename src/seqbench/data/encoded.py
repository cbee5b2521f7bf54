"""Encoded examples: token ids one after another, where each example begins, its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.data.tokenizers.tokenizer import Tokenizer

ARRAYS = ("ids", "offsets", "labels")


@dataclass(frozen=True)
class Encoded:
    """One split as arrays, in memory or memory-mapped.

    Attributes:
        ids: token ids of all examples one after another, int32.
        offsets: where each example begins, and where the last ends: int64, shape N + 1.
        labels: class ids, int64, shape N; None where there are none.
        folder: where the arrays are mapped from; None in memory.
        split: their name there.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    folder: Path | None = None
    split: str = ""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens an example, shape N."""
        return np.diff(self.offsets)

    def save(self, folder: Path, split: str) -> None:
        """Write the arrays as `<split>.<array>.npy`."""
        for name in ARRAYS:
            if (array := getattr(self, name)) is not None:
                # Open for reading too: of a plain file NumPy does not say why it took no more.
                with array_file(folder, split, name).open("w+b") as file:
                    np.save(file, array)

    @classmethod
    def open(cls, folder: Path, split: str) -> Encoded:
        """Map what `save` wrote; the ids are read from disk only where they are looked at."""
        ids = np.load(array_file(folder, split, "ids"), mmap_mode="r")
        offsets = np.load(array_file(folder, split, "offsets"))
        labelled = array_file(folder, split, "labels")
        labels = np.load(labelled) if labelled.exists() else None
        return cls(ids, offsets, labels, folder, split)

    def __reduce__(self) -> tuple[Any, ...]:
        # a loader's worker maps the file again instead of being sent a copy of it
        if self.folder is not None:
            return Encoded.open, (self.folder, self.split)
        return Encoded, (self.ids, self.offsets, self.labels)


def array_file(folder: Path, split: str, name: str) -> Path:
    """Where an array of a split is kept."""
    return folder / f"{split}.{name}.npy"


def encode_texts(
    texts: Sequence[str], labels: NDArray[np.int64] | None, tokenizer: Tokenizer
) -> tuple[Encoded, int]:
    """The texts' ids, and the number of texts without any token.

    A text without a token (empty, or stop words only) becomes one unknown token: every example
    stays, so that predictions have the rows of the data.
    """
    ids, lengths = tokenizer.encode_batch(texts)
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        starts = np.cumsum(lengths)[empty]
        ids = np.insert(ids, starts, tokenizer.unk_id).astype(np.int32)
        lengths = np.maximum(lengths, 1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Encoded(ids, offsets, labels), len(empty)
