"""Two trained networks on the same test examples: the power that few seeds lack."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import bdtr

from seqbench.report.statistics.summary import CONFIDENCE

_MOST_COUNTS = 2**22  # in memory at once: 32 MiB


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that either is as likely to be right where the other is wrong.

    McNemar 1947, by the binomial distribution instead of its approximation.

    Args:
        only_first: examples that the first alone got right.
        only_second: examples that the second alone got right.
    """
    differing = only_first + only_second
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), differing, 0.5)))


def median_rule(p_values: Sequence[float]) -> float:
    """One p-value of several tests of one hypothesis that may depend on each other in any way.

    Rüger 1978: with k chosen beforehand, min(1, K/k · p_(k)) is valid; here k = ⌈K/2⌉, which is
    about twice the median. Runs of several seeds on one test set are such tests.

    Raises:
        ValueError: there are no p-values.
    """
    if not p_values:
        raise ValueError("expected at least one p-value, got none")
    k = math.ceil(len(p_values) / 2)
    return min(1.0, len(p_values) / k * sorted(p_values)[k - 1])


def bootstrap_interval(
    differences: NDArray[np.floating], rng: Generator, resamples: int = 10_000
) -> tuple[float, float, float]:
    """Mean over examples with its 95 % percentile bootstrap interval (Efron 1979).

    To draw N examples with replacement is to draw how often each distinct value comes up: a
    multinomial over a handful of values instead of N indices a resample.

    Args:
        differences: first - second of each example, shape N, N >= 1.
        rng: draws the resamples.
        resamples: how many.

    Returns:
        Mean, lower and upper end.

    Raises:
        ValueError: there are no examples.
    """
    if not len(differences):
        raise ValueError("expected at least one example, got none")
    values, counts = np.unique(np.asarray(differences, dtype=np.float64), return_counts=True)
    n = len(differences)
    means = np.empty(resamples)
    rows = max(1, _MOST_COUNTS // len(values))
    for start in range(0, resamples, rows):
        block = min(rows, resamples - start)
        drawn = rng.multinomial(n, counts / n, size=block)
        means[start : start + block] = (drawn * values).sum(axis=1) / n
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float((counts * values).sum() / n), float(low), float(high)
