"""A sample of scores in the one form that every statistic here starts from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def sorted_finite(values: Iterable[float]) -> NDArray[np.float64]:
    """The finite values, smallest first.

    Sorted, because floating-point sums depend on the order and a report must not; finite, so that
    a statistic counts the same runs as `summarize`.
    """
    sample = np.sort(np.fromiter(values, dtype=np.float64))
    return sample[np.isfinite(sample)]
