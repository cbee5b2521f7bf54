from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seqbench.report.statistics.by_example import bootstrap_interval, mcnemar_p, median_rule

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_mcnemar_by_hand() -> None:
    # 0 or 5 heads of 5 coins: 2 / 32; at most 1 or at least 4: 12 / 32
    assert mcnemar_p(5, 0) == pytest.approx(2 / 32)
    assert mcnemar_p(1, 4) == pytest.approx(12 / 32)
    assert mcnemar_p(0, 0) == mcnemar_p(3, 3) == 1


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_is_scipy_s(only_first: int, only_second: int) -> None:
    found = mcnemar_p(only_first, only_second)
    assert found == mcnemar_p(only_second, only_first)
    if only_first + only_second:
        expected = stats.binomtest(only_first, only_first + only_second).pvalue
        assert found == pytest.approx(expected, rel=1e-8)


def test_median_rule_by_hand() -> None:
    assert median_rule([0.03]) == 0.03
    assert median_rule([0.5, 0.02]) == 0.04  # K/k = 2, the smaller
    assert median_rule([0.9, 0.01, 0.04]) == pytest.approx(1.5 * 0.04)
    assert median_rule([0.9, 0.8]) == 1
    with pytest.raises(ValueError, match="expected at least one p-value, got none"):
        median_rule([])


@given(p_values, st.randoms())
def test_median_rule_knows_no_order(given_p: list[float], random) -> None:
    found = median_rule(given_p)
    assert median_rule(random.sample(given_p, len(given_p))) == found
    # It is never below the median's own p-value, and equal ones are doubled at most.
    assert float(np.quantile(given_p, 0.5, method="inverted_cdf")) <= found <= 1


@pytest.mark.parametrize("tests", [1, 2, 3, 5])
@pytest.mark.parametrize("correlation", [0.0, 0.8, 1.0])
def test_median_rule_keeps_its_level(tests: int, correlation: float) -> None:
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=(4000, 1)), rng.normal(size=(4000, tests))
    z = correlation**0.5 * shared + (1 - correlation) ** 0.5 * own
    combined = [median_rule(list(p)) for p in 2 * stats.norm.sf(np.abs(z))]
    assert np.mean(np.array(combined) <= 0.05) <= 0.06


def test_bootstrap_is_that_of_drawn_examples() -> None:
    rng = np.random.default_rng(0)
    differences = rng.choice([-1.0, 0.0, 1.0], size=400, p=[0.1, 0.7, 0.2])
    mean, low, high = bootstrap_interval(differences, rng)
    drawn = differences[rng.integers(0, 400, (10_000, 400))].mean(axis=1)
    assert mean == pytest.approx(differences.mean(), rel=1e-12)
    # A quantile of 10,000 means of this spread is known to about 0.001.
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.004)


def test_bootstrap_of_many_examples_is_normal() -> None:
    rng = np.random.default_rng(1)
    differences = rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], size=25_000)
    mean, low, high = bootstrap_interval(differences, rng)
    half = 1.959964 * differences.std() / 25_000**0.5
    assert (mean - low, high - mean) == pytest.approx((half, half), rel=0.05)


def test_bootstrap_in_blocks_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = np.random.default_rng(2).normal(size=30)
    whole = bootstrap_interval(differences, np.random.default_rng(0), 500)
    monkeypatch.setattr("seqbench.report.statistics.by_example._MOST_COUNTS", 1000)
    assert bootstrap_interval(differences, np.random.default_rng(0), 500) == whole


def test_bootstrap_knows_no_order_and_repeats() -> None:
    differences = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], 99)
    found = bootstrap_interval(differences, np.random.default_rng(0), 300)
    assert bootstrap_interval(differences[::-1], np.random.default_rng(0), 300) == found
    shifted = bootstrap_interval(differences + 2, np.random.default_rng(0), 300)
    assert shifted == pytest.approx(np.array(found) + 2)


def test_bootstrap_of_equal_differences_is_a_point() -> None:
    assert bootstrap_interval(np.full(7, 0.25), np.random.default_rng(0)) == (0.25, 0.25, 0.25)
    with pytest.raises(ValueError, match="expected at least one example, got none"):
        bootstrap_interval(np.array([]), np.random.default_rng(0))
