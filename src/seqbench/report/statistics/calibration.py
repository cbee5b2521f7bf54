"""Whether confidence means what it says: the reliability diagram and its summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """The examples whose confidence lies in one range.

    Attributes:
        low: lower end of the range, part of it.
        high: upper end, not part of it; equal to `low` in the bin of those that are exactly 1.
        n: examples in it, at least one.
        confidence: their mean confidence.
        accuracy: share of them that is right.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability(
    confidences: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = 15
) -> list[ReliabilityBin]:
    """Bins of equal width that hold something, lowest confidence first (Guo et al. 2017, § 2).

    Binned as the `calibration_error` of a record: closed on the left, and a confidence of exactly
    1 in a bin of its own.

    Args:
        confidences: probability of the predicted class, shape N, from 0 to 1.
        correct: whether the prediction is right, shape N.
        bins: how many, besides that of exactly 1.
    """
    # Sorted for the sums alone; a boolean's are exact in any order.
    order = np.argsort(confidences)
    confidences = np.asarray(confidences, dtype=np.float64)[order]
    edges = np.linspace(0, 1, bins + 1)
    highs = np.append(edges[1:], 1.0)
    bin_N = np.digitize(confidences, edges) - 1
    counts = np.bincount(bin_N, minlength=bins + 1)
    confident = np.bincount(bin_N, weights=confidences, minlength=bins + 1)
    right = np.bincount(bin_N, weights=correct[order], minlength=bins + 1)
    return [
        ReliabilityBin(
            low=float(edges[i]),
            high=float(highs[i]),
            n=int(counts[i]),
            confidence=float(confident[i] / counts[i]),
            accuracy=float(right[i] / counts[i]),
        )
        for i in np.flatnonzero(counts)
    ]


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Mean gap between confidence and accuracy over examples (Guo et al. 2017, equation 3).

    Raises:
        ValueError: there are no bins.
    """
    if not bins:
        raise ValueError("expected at least one bin, got none")
    total = sum(each.n for each in bins)
    return sum(each.n * abs(each.accuracy - each.confidence) for each in bins) / total
