"""The built-in classification dataset: which library wrote this docstring summary?"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqbench.data.sources.harvest import (
    HARVEST_VERSION,
    STDLIB,
    Docstring,
    harvest,
    library_folder,
    library_version,
)
from seqbench.data.sources.near_duplicates import first_of_each
from seqbench.data.sources.rows_cache import cached_rows
from seqbench.data.sources.source import Examples, SourceData
from seqbench.domains import PositiveInt
from seqbench.errors import DataError

LIBRARIES = [
    "stdlib",
    "torch",
    "sympy",
    "scipy",
    "pandas",
    "matplotlib",
    "statsmodels",
    "sqlalchemy",
    "sklearn",
    "wandb",
]
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
MASK = "LIBRARY"
# names that would give a class away, whichever class they stand in
TELL_TALES = (
    r"pytorch|torch|sympy|scipy|pandas|pd|matplotlib|mpl|pyplot|plt|pylab|statsmodels|sqlalchemy|"
    r"sklearn|scikit[- ]?learn|wandb|w&b|weights (?:&|and) biases|cpython|python|stdlib"
)
TELL_TALE = re.compile(rf"(?<![A-Za-z0-9])(?:{TELL_TALES})(?:\d[\d.]*)?(?![A-Za-z0-9])", re.I)
WORD = re.compile(r"[^\W\d_]+")


class Candidate(NamedTuple):
    """A summary that may be chosen; candidates sort by a hash of their content."""

    rank: str
    library: str
    path: str
    text: str


class DocstringSource:
    """Docstring summaries of ten installed libraries, split by source file.

    Examples of one file are all in one split, since neighbours resemble each other: with a random
    split a bag of words scores some ten points more. Library names are masked, near-duplicates
    removed; the choice depends on content and paths alone, never on the file system's order.

    Args:
        libraries: the classes, by import name; "stdlib" is Python's own library.
        examples_per_class: examples a class over all splits (80 : 10 : 10).
        min_words: shorter summaries are left out.
        max_words: longer ones are cut there.
        max_per_file: most examples of one file, so that no file makes up a split.
    """

    def __init__(
        self,
        *,
        libraries: list[str] = LIBRARIES,
        examples_per_class: PositiveInt = 2000,
        min_words: PositiveInt = 4,
        max_words: PositiveInt = 60,
        max_per_file: PositiveInt = 60,
    ) -> None:
        self.libraries = list(libraries)
        self.examples_per_class = examples_per_class
        self.min_words = min_words
        self.max_words = max_words
        self.max_per_file = max_per_file

    def key(self, *, cache_dir: Path, datasets_dir: Path | None) -> str:
        """The libraries' versions and the choice among their docstrings."""
        choice = f"{self.examples_per_class} {self.min_words} {self.max_words} {self.max_per_file}"
        return f"docstrings {choice} {self._versions()}"

    def load(self, *, cache_dir: Path, datasets_dir: Path | None) -> SourceData:
        """The chosen summaries; harvested once a set of library versions.

        Raises:
            DataError: a library is missing, or holds too few docstrings.
        """
        rows = cached_rows(
            self._file(cache_dir, self.key(cache_dir=cache_dir, datasets_dir=datasets_dir)),
            lambda: self._chosen(cache_dir),
        )
        ids = {library: i for i, library in enumerate(self.libraries)}
        splits = {
            split: Examples(
                texts=[row["text"] for row in rows if row["split"] == split],
                labels=np.array(
                    [ids[row["library"]] for row in rows if row["split"] == split], dtype=np.int64
                ),
            )
            for split in SHARES
        }
        return SourceData(
            splits=splits,
            label_names=tuple(self.libraries),
            notes=(f"docstrings harvested from {self._versions()}",),
        )

    def harvested(self, cache_dir: Path) -> list[Docstring]:
        """Every docstring summary of the libraries, from the cache where it is there."""
        rows = cached_rows(
            self._file(cache_dir, self._versions()),
            lambda: [
                asdict(docstring)
                for docstring in harvest(
                    {library: library_folder(library) for library in self.libraries},
                    workers=min(2, os.cpu_count() or 1),
                )
            ],
        )
        return [Docstring(**row) for row in rows]

    def _chosen(self, cache_dir: Path) -> list[dict[str, str]]:
        chosen = choose(
            self.harvested(cache_dir),
            libraries=self.libraries,
            examples_per_class=self.examples_per_class,
            min_words=self.min_words,
            max_words=self.max_words,
            max_per_file=self.max_per_file,
        )
        return [
            {"split": split, "library": candidate.library, "text": candidate.text}
            for split, candidates in chosen.items()
            for candidate in candidates
        ]

    def _file(self, cache_dir: Path, key: str) -> Path:
        digest = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
        return cache_dir / "docstrings" / f"{digest}.parquet"

    def _versions(self) -> str:
        versions = " ".join(f"{library}={library_version(library)}" for library in self.libraries)
        return f"harvest={HARVEST_VERSION} python={library_version(STDLIB)} {versions}"


def choose(
    docstrings: Sequence[Docstring],
    *,
    libraries: Sequence[str],
    examples_per_class: int,
    min_words: int,
    max_words: int,
    max_per_file: int,
) -> dict[str, list[Candidate]]:
    """The same number of summaries of every library, split by file.

    Raises:
        DataError: a library holds too few.
    """
    candidates = _candidates(docstrings, min_words, max_words)
    kept = [candidates[row] for row in first_of_each([c.text for c in candidates])]
    by_library: dict[str, list[Candidate]] = defaultdict(list)
    in_file: Counter[tuple[str, str]] = Counter()
    for candidate in kept:
        file = (candidate.library, candidate.path)
        if in_file[file] < max_per_file:
            in_file[file] += 1
            by_library[candidate.library].append(candidate)
    chosen: dict[str, list[Candidate]] = {split: [] for split in SHARES}
    for library in libraries:
        own = split_by_file(library, by_library[library], examples_per_class)
        for split, examples in own.items():
            chosen[split] += examples
    return {split: sorted(examples) for split, examples in chosen.items()}


def split_by_file(
    library: str, candidates: Sequence[Candidate], total: int
) -> dict[str, list[Candidate]]:
    """One library's examples in three splits, 80 : 10 : 10, no file in two of them.

    Raises:
        DataError: there are too few for it.
    """
    sizes = Counter(candidate.path for candidate in candidates)
    quotas = {split: round(share * total) for split, share in SHARES.items()}
    # files are dealt out by hash; should a large one leave a split short, they are dealt again
    for deal in range(20):
        split_of = _deal(library, sizes, deal)
        chosen: dict[str, list[Candidate]] = {split: [] for split in SHARES}
        for candidate in sorted(candidates):
            own = chosen[split_of[candidate.path]]
            if len(own) < quotas[split_of[candidate.path]]:
                own.append(candidate)
        if all(len(chosen[split]) == quotas[split] for split in SHARES):
            return chosen
    raise DataError(
        f"docstrings: the library {library!r}",
        expected=f"{total} different docstrings that can be split by file",
        got=f"{len(candidates)} in {len(sizes)} files",
        remedy="leave it out of data.source.libraries or lower data.source.examples_per_class",
    )


def _deal(library: str, sizes: Counter[str], deal: int) -> dict[str, str]:
    """The split of every file: in the order of their hashes, to the split that lacks most."""
    lacking = {split: share * sizes.total() for split, share in SHARES.items()}
    split_of: dict[str, str] = {}
    for path in sorted(sizes, key=lambda path: _rank(str(deal), library, path)):
        size = sizes[path]
        split = max(lacking, key=lambda s: (lacking[s] >= size, lacking[s]))
        lacking[split] -= size
        split_of[path] = split
    return split_of


def _candidates(docstrings: Sequence[Docstring], min_words: int, max_words: int) -> list[Candidate]:
    """The masked summaries that are long enough, in the order of their hashes."""
    found: set[Candidate] = set()
    for docstring in docstrings:
        words = TELL_TALE.sub(MASK, docstring.summary).split()[:max_words]
        text = " ".join(words)
        if len(WORD.findall(text)) >= min_words:
            rank = _rank(docstring.library, text)
            found.add(Candidate(rank, docstring.library, docstring.path, text))
    return sorted(found)


def _rank(*parts: str) -> str:
    content = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=8).hexdigest()
