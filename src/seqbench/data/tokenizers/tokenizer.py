"""The contract of every tokenizer: text in, token ids out, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

PAD_ID, UNK_ID, BOS_ID, EOS_ID = range(4)
SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<eos>")
"""The first tokens of every vocabulary, by id."""


@runtime_checkable
class Tokenizer(Protocol):
    """Splits texts into tokens and numbers them.

    Attributes:
        vocab_size: number of ids, the special ones included.
        pad_id: the id of padding.
        unk_id: the id of what is not in the vocabulary.
        bos_id: the id that begins a sequence, where a task needs one.
        eos_id: the id that ends a sequence, likewise.
        trained: whether there is a vocabulary; before, nothing can be encoded.
    """

    pad_id: int
    unk_id: int
    bos_id: int
    eos_id: int

    @property
    def vocab_size(self) -> int:
        """Number of ids, the special ones included."""

    @property
    def trained(self) -> bool:
        """Whether there is a vocabulary."""

    def tokens(self, text: str) -> list[str]:
        """The text's tokens as strings."""

    def encode(self, text: str) -> list[int]:
        """The text's token ids, without beginning and end; empty where it holds no token."""

    def encode_batch(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The ids of all texts one after another, and how many each has, shape N."""

    def decode(self, ids: Sequence[int]) -> str:
        """A text that has these ids, up to what tokenising loses; padding is left out."""

    def train(self, texts: Sequence[str]) -> None:
        """Make the vocabulary from these texts; the same texts should make the same vocabulary."""

    def save(self, path: Path) -> None:
        """Write it as JSON."""

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing or damaged.
        """

    def fingerprint_settings(self) -> str:
        """A text that changes with anything that changes the ids of a text."""

    def fingerprint(self) -> str:
        """A hash of `fingerprint_settings`, for records."""


def hashed(settings: str) -> str:
    """32 hexadecimal digits."""
    return hashlib.blake2b(settings.encode(), digest_size=16).hexdigest()
