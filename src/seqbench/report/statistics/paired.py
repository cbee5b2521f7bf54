"""Two configurations over shared seeds: the sign-flip test, and the size of the difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import gammaln

from seqbench.report.statistics.sample import sorted_finite

MOST_ENUMERATED = 16  # pairs; 65,536 ways to flip their signs
RESAMPLES = 9_999  # the observed signs are one more

# Accuracies are multiples of 1/N: a billionth of their sum tells rounding from a real difference.
_TIE = 1e-9


def sign_flip_p(differences: Sequence[float], rng: Generator) -> float | None:
    """Two-sided p-value of the hypothesis that differences are symmetric around 0.

    Every way to flip signs is tried up to 16 pairs, else 9,999 drawn ones and the observed,
    `p = (1 + #{|T*| >= |T|}) / (B + 1)` (Phipson & Smyth 2010), T being the mean.

    Args:
        differences: first - second, one a seed; those that are not finite are left out.
        rng: draws the signs where there are more than 16 pairs.

    Returns:
        The p-value, never below 2^(1-n); None without differences.
    """
    sample = sorted_finite(differences)
    if not len(sample):
        return None
    # The distribution depends on the sizes alone: swapping first and second changes nothing.
    sizes = np.sort(np.abs(sample))
    enough = abs(float(sample.sum())) - _TIE * float(sizes.sum())
    if len(sizes) <= MOST_ENUMERATED:
        return float(np.mean(np.abs(_all_sums(sizes)) >= enough))
    signs = rng.integers(0, 2, (RESAMPLES, len(sizes)), dtype=np.int8) * 2 - 1
    reached = int((np.abs((signs * sizes).sum(axis=1)) >= enough).sum())
    return (1 + reached) / (RESAMPLES + 1)


def _all_sums(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums of all 2^n ways to sign n sizes."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums + size, sums - size])
    return sums


def hedges_g(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Difference of means in pooled standard deviations, freed of its bias.

    Hedges 1981, with the exact correction Γ(d/2) / (√(d/2)·Γ((d-1)/2)), d = n₁ + n₂ - 2. Pairs
    are not used: a difference is as large as the spread of scores over seeds makes it.

    Args:
        first: scores; those that are not finite are left out.
        second: scores, likewise.

    Returns:
        Positive where the first is larger; None where a sample has less than two values, or
        neither varies.
    """
    a, b = sorted_finite(first), sorted_finite(second)
    # Asked of the values: the computed SD of equal ones may be a rounding error above 0.
    if min(len(a), len(b)) < 2 or (a[0] == a[-1] and b[0] == b[-1]):
        return None
    degrees = len(a) + len(b) - 2
    pooled = float(np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / degrees))
    correction = np.exp(gammaln(degrees / 2) - gammaln((degrees - 1) / 2)) / np.sqrt(degrees / 2)
    return float(correction * (a.mean() - b.mean()) / pooled)
