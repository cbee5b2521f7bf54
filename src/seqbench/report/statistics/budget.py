"""What a tuning budget buys: the expected best of so many random trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def expected_best(values: Sequence[float], higher_is_better: bool) -> list[float]:
    """Expected best of n trials drawn without replacement from those run, for n = 1 to N.

    Tang et al. 2020: the unbiased Σ_{i=n..N} x_(i)·C(i-1,n-1)/C(N,n), valid where
    trials were drawn at random. Summed by parts it is x_(N) - Σ_i (x_(i+1) - x_(i))·C(i,n)/C(N,n):
    gaps times the chance that all n lie below, which only shrinks as n grows. So no binomial is
    ever large, and the curve cannot turn back, not even by rounding.

    Args:
        values: finite score of each trial, in any order.
        higher_is_better: whether the best is the largest.

    Returns:
        N values; the first is the mean, the last the best trial.
    """
    if not len(values):
        return []
    sign = 1.0 if higher_is_better else -1.0
    ordered = np.sort(sign * np.asarray(values, dtype=np.float64))
    total = len(ordered)
    gaps, below = np.diff(ordered), np.arange(1.0, total)
    all_below = np.ones(total - 1)  # chance that the n drawn are among the lowest i
    curve = []
    for n in range(total):
        all_below *= np.clip(below - n, 0, None) / (total - n)
        curve.append(sign * float(ordered[-1] - (gaps * all_below).sum()))
    return curve
