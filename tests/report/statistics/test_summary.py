from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seqbench.report.statistics.summary import paired_difference, summarize


def test_by_hand() -> None:
    found = summarize([3.0, 1.0, 2.0])
    # s = 1, t(.975, 2) = 4.302653: 4.302653 / sqrt(3) = 2.484138
    assert (found.n, found.mean, found.sd, found.median) == (3, 2.0, 1.0, 2.0)
    assert (found.min, found.max) == (1.0, 3.0)
    assert found.half_width == pytest.approx(2.484138, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((-0.484138, 4.484138), abs=1e-6)


@pytest.mark.parametrize("n", [2, 5, 30])
def test_the_interval_is_scipy_s(n: int) -> None:
    sample = np.random.default_rng(n).normal(0.7, 0.02, n)
    found = summarize(sample)
    expected = stats.t.interval(0.95, n - 1, sample.mean(), stats.sem(sample))
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-12)


def test_too_few_for_an_interval() -> None:
    one = summarize([0.5])
    assert (one.n, one.mean, one.median) == (1, 0.5, 0.5)
    assert one.sd is one.low is one.high is one.half_width is None
    none = summarize([None, float("nan")])
    assert none.n == 0 and none.mean is None and none.half_width is None


def test_the_order_does_not_matter() -> None:
    values = list(np.random.default_rng(0).normal(size=9))
    assert summarize(values) == summarize(values[::-1])


def test_differences_pair_equal_seeds() -> None:
    found = paired_difference({0: 0.5, 1: 0.75, 2: 9.0}, {1: 0.5, 0: 0.5, 3: 9.0})
    assert (found.n, found.min, found.max) == (2, 0.0, 0.25)
