"""What scores over seeds and their differences say: textbook definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A sample of scores, one a seed.

    Attributes:
        n: how many.
        mean: their mean; None where n is 0.
        sd: standard deviation, n - 1 in the denominator; None where n < 2.
        median: their median; None where n is 0.
        min: the smallest; None where n is 0.
        max: the largest; None where n is 0.
        low: lower end of the 95 % t-interval of the mean; None where n < 2.
        high: its upper end; None where n < 2.
    """

    n: int
    mean: float | None
    sd: float | None
    median: float | None
    min: float | None
    max: float | None
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval; None where there is none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def summarize(values: Iterable[float | None]) -> Summary:
    """Summary of the values that are there and finite.

    The interval is `mean ± t(.975, n-1)·s/√n`: a percentile bootstrap undercovers with so few.
    """
    # Sorted: floating-point sums depend on the order, and a report must not.
    sample = np.sort([v for v in values if v is not None and np.isfinite(v)]).astype(np.float64)
    n = len(sample)
    if n == 0:
        empty = dict.fromkeys(("mean", "sd", "median", "min", "max", "low", "high"))
        return Summary(n=0, **empty)
    mean = float(sample.mean())
    sd = half = None
    if n > 1:
        sd = float(sample.std(ddof=1))
        half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * sd / n**0.5
    return Summary(
        n=n,
        mean=mean,
        sd=sd,
        median=float(np.median(sample)),
        min=float(sample[0]),
        max=float(sample[-1]),
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
    )


def paired_difference(first: Mapping[int, float], second: Mapping[int, float]) -> Summary:
    """Summary of first - second over the seeds that both have.

    Args:
        first: score by seed.
        second: score by seed.
    """
    return summarize(first[seed] - second[seed] for seed in sorted(first.keys() & second.keys()))
