"""Finds texts that say the same in nearly the same words (Broder 1997: shingles, min-hashing)."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WORDS = re.compile(r"[^\W\d_]+")
NUM_HASHES = 48
ROWS_PER_BAND = 3
PRIME = (1 << 31) - 1


def first_of_each(texts: Sequence[str], *, similarity: float = 0.7) -> NDArray[np.int64]:
    """The rows to keep so that no two kept texts are near-duplicates; earlier rows win.

    Case, digits and punctuation do not count, nor does the order of words in short texts: texts are
    near-duplicates when the sets of their words and pairs of neighbouring words have a Jaccard
    similarity of at least `similarity`. Candidates are found by min-hashing with fixed hash
    functions: the answer is the same everywhere; a pair just at the threshold may be missed.
    """
    shingles = [_shingles(text) for text in texts]
    bands = _band_keys(shingles)
    kept: list[int] = []
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, own in enumerate(shingles):
        keys = [(band, int(key)) for band, key in enumerate(bands[row])]
        rivals = {rival for key in keys for rival in buckets[key]}
        if any(_jaccard(own, shingles[rival]) >= similarity for rival in rivals):
            continue
        kept.append(row)
        for key in keys:
            buckets[key].append(row)
    return np.array(kept, dtype=np.int64)


def _shingles(text: str) -> frozenset[int]:
    words = WORDS.findall(text.lower())
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    # crc32 and not hash(): Python's own is salted anew in every process
    return frozenset(zlib.crc32(shingle.encode()) for shingle in [*words, *pairs])


def _band_keys(shingles: Sequence[frozenset[int]]) -> NDArray[np.int64]:
    """One key a band of min-hashes, shape (texts, bands); similar texts are likely to share one."""
    rng = np.random.default_rng(0)
    scale_K = rng.integers(1, PRIME, NUM_HASHES, dtype=np.int64)
    shift_K = rng.integers(0, PRIME, NUM_HASHES, dtype=np.int64)
    lengths = np.array([max(1, len(s)) for s in shingles], dtype=np.int64)
    flat = np.array([v % PRIME for s in shingles for v in (s or (0,))], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    minima = np.empty((len(shingles), NUM_HASHES), dtype=np.int64)
    for k in range(NUM_HASHES if len(shingles) else 0):
        minima[:, k] = np.minimum.reduceat((flat * scale_K[k] + shift_K[k]) % PRIME, starts)
    keys = np.zeros((len(shingles), NUM_HASHES // ROWS_PER_BAND), dtype=np.int64)
    for row in range(ROWS_PER_BAND):
        keys = (keys * 1_000_003 + minima[:, row::ROWS_PER_BAND]) % (1 << 61)
    return keys


def _jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    union = len(a | b)
    return len(a & b) / union if union else 1.0
