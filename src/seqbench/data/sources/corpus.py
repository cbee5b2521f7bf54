"""What every source of running text gives: splits of documents, and a cheap key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from seqbench.data.datamodule import SPLITS
from seqbench.errors import DataError

LINE_AT_LEAST = 40
"""Characters of a line whose repetition in another split is no accident."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Running text.

    Attributes:
        splits: documents in their order; "train" always, the others where the dataset has them.
        shuffled: whether the order of train means nothing, so that its last documents stand for
            all; then none is cut in two.
        notes: treatments that a reader of results must know of.
    """

    splits: Mapping[str, Sequence[str]]
    shuffled: bool = False
    notes: tuple[str, ...] = field(default=())


class CorpusSource(Protocol):
    """Running text that can be loaded, and recognised without being loaded.

    `cache_dir` and `datasets_dir` are those of `Source`.
    """

    def key(self, *, cache_dir: Path, datasets_dir: Path | None) -> str:
        """A text that changes whenever `load` would give other text; cheap."""

    def load(self, *, cache_dir: Path, datasets_dir: Path | None) -> Corpus:
        """The text.

        Raises:
            DataError: it is missing or unreadable.
        """


def complete_corpus(
    corpus: Corpus, *, validation_fraction: float, test_fraction: float
) -> tuple[dict[str, Sequence[str]], list[str]]:
    """Train, validation and test; what is missing is cut from the end of train, in one piece.

    The test split is the last piece, the validation split the one before it. A cut falls behind the
    end of a line, where there is one near; between two documents, where they were shuffled.

    Returns:
        The splits, and a note on every cut.

    Raises:
        DataError: a share is 0 or 1 where it is needed, or the text too short to be cut.
    """
    splits, notes = dict(corpus.splits), list(corpus.notes)
    whole = sum(map(len, splits["train"]))
    for split, fraction in (("test", test_fraction), ("validation", validation_fraction)):
        if split in splits:
            continue
        if not 0 < fraction < 1:
            raise DataError(
                f"data.{split}_fraction",
                expected=f"a number between 0 and 1, since the data has no {split} split",
                got=f"{fraction}",
            )
        cut = _cut_between if corpus.shuffled else _cut
        splits["train"], splits[split] = cut(splits["train"], whole * fraction)
        size, documents = sum(map(len, splits[split])), len(splits[split])
        notes.append(
            f"{split}: {documents:,} whole documents of train, {size:,} characters"
            if corpus.shuffled
            else f"{split}: the last {size:,} characters, cut from train in one piece"
        )
    for split in SPLITS:
        if not any(splits[split]):
            raise DataError(
                f"split {split}",
                expected="some text",
                got="none",
                remedy="the text is too short to be cut: give more, or a file a split",
            )
    return {split: splits[split] for split in SPLITS}, notes


def shared_lines(splits: dict[str, Sequence[str]]) -> dict[str, int]:
    """How many lines of 40 characters or more the later split shares with the earlier one."""
    lines = {split: _long_lines(documents) for split, documents in splits.items()}
    known = {split: set(of_split) for split, of_split in lines.items()}
    pairs = (("train", "validation"), ("train", "test"), ("validation", "test"))
    return {f"{a}/{b}": sum(line in known[a] for line in lines[b]) for a, b in pairs}


def hash_corpus(splits: dict[str, Sequence[str]]) -> str:
    """A hash of all documents and the way they are split: 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for split in sorted(splits):
        for text in (split, *splits[split]):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)
        digest.update(b"\0")
    return digest.hexdigest()


def _cut(documents: Sequence[str], size: float) -> tuple[list[str], list[str]]:
    """The documents before and those of the last `size` characters."""
    keep = round(sum(map(len, documents)) - size)
    before: list[str] = []
    for number, text in enumerate(documents):
        if keep < len(text):
            line = text.find("\n", max(0, keep - 1), keep + 200)
            at = line + 1 if 0 <= line < len(text) - 1 else keep
            pieces = [piece for piece in (text[:at], text[at:]) if piece]
            return [*before, *pieces[:-1]], [*pieces[-1:], *documents[number + 1 :]]
        before.append(text)
        keep -= len(text)
    return before, []


def _cut_between(documents: Sequence[str], size: float) -> tuple[list[str], list[str]]:
    """The documents before and the last ones, which have at least `size` characters together."""
    at, taken = len(documents), 0
    while at and taken < size:
        at -= 1
        taken += len(documents[at])
    return list(documents[:at]), list(documents[at:])


def _long_lines(documents: Sequence[str]) -> list[str]:
    lines = (line.strip() for text in documents for line in text.splitlines())
    return [line for line in lines if len(line) >= LINE_AT_LEAST]
