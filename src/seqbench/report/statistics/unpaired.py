"""Two samples of scores without regard to seeds: how often the one beats the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata

from seqbench.report.statistics.sample import sorted_finite

MOST_EXACT = 100  # values in both samples, up to which the p-value is exact


@dataclass(frozen=True, kw_only=True)
class Unpaired:
    """What the Mann-Whitney test says of two samples.

    Attributes:
        superiority: chance that a score of the first is above one of the second, equal ones
            counting half.
        cliffs_delta: the same from -1 to 1.
        p: two-sided p-value of the hypothesis that both come from one distribution.
        n_first: scores of the first.
        n_second: scores of the second.
    """

    superiority: float
    cliffs_delta: float
    p: float
    n_first: int
    n_second: int


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> Unpaired | None:
    """Mann & Whitney 1947, with P(A>B) = U/(mn) and Cliff's delta = 2P - 1 (Cliff 1993).

    The p-value is exact up to 100 scores, ties included: the share of all ways to deal the scores
    into two samples that put U as far from mn/2 as it is, or farther.

    Args:
        first: scores; those that are not finite are left out.
        second: scores, likewise.

    Returns:
        None where a sample is empty.
    """
    a, b = sorted_finite(first), sorted_finite(second)
    if not len(a) or not len(b):
        return None
    # Twice the midranks are whole numbers, and so nothing below is rounded.
    doubled = np.rint(2 * rankdata(np.concatenate([a, b]))).astype(np.int64)
    m, n = len(a), len(b)
    twice_u = int(doubled[:m].sum()) - m * (m + 1)
    superiority = twice_u / (2 * m * n)
    distance = abs(twice_u - m * n)
    exact = m + n <= MOST_EXACT
    return Unpaired(
        superiority=superiority,
        cliffs_delta=2 * superiority - 1,
        p=_exact_p(doubled, min(m, n), distance) if exact else _normal_p(doubled, m, n, distance),
        n_first=m,
        n_second=n,
    )


def _exact_p(doubled: NDArray[np.int64], m: int, distance: int) -> float:
    """Share of the subsets of m ranks whose sum is at least so far from its mean.

    Args:
        doubled: twice the midranks of both samples.
        m: size of either sample.
        distance: of twice U from mn, which is that of twice the rank sum from its mean.
    """
    largest = int(np.sort(doubled)[-m:].sum())
    ways = np.zeros((m + 1, largest + 1))  # by size of the subset and by its sum
    ways[0, 0] = 1
    for rank in doubled:
        # One rank more in the subset; numpy reads the right side before it writes the left.
        ways[1:, rank:] += ways[:-1, :-rank]
    far = np.abs(np.arange(largest + 1) - m * (len(doubled) + 1)) >= distance
    return min(1.0, float(ways[m, far].sum() / ways[m].sum()))


def _normal_p(doubled: NDArray[np.int64], m: int, n: int, distance: int) -> float:
    """Normal approximation, corrected for ties and for continuity (Lehmann 1975, chapter 1)."""
    total = m + n
    ties = np.unique(doubled, return_counts=True)[1].astype(np.float64)
    variance = m * n / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, distance / 2 - 0.5) / variance**0.5
    return min(1.0, 2 * float(ndtr(-z)))
