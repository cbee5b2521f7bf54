from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seqbench.report.statistics.unpaired import mann_whitney

samples = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=6)


def share_as_far(first: list[float], second: list[float]) -> float:
    """Deals the scores in every way, and counts wins with two loops."""

    def u(a: list[float], b: list[float]) -> float:
        return sum((x > y) + (x == y) / 2 for x in a for y in b)

    pooled, m = first + second, len(first)
    middle = m * len(second) / 2
    distance = abs(u(first, second) - middle)
    far = []
    for dealt in combinations(range(len(pooled)), m):
        rest = [pooled[i] for i in range(len(pooled)) if i not in dealt]
        far.append(abs(u([pooled[i] for i in dealt], rest) - middle) >= distance)
    return sum(far) / len(far)


def test_by_hand() -> None:
    found = mann_whitney([3.0, 4.0], [1.0, 2.0])
    # One of the six ways to choose two of four ranks gives U = 4, and one U = 0.
    assert found is not None
    assert (found.superiority, found.cliffs_delta) == (1, 1)
    assert found.p == pytest.approx(2 / 6, rel=1e-12)
    assert (found.n_first, found.n_second) == (2, 2)


def test_ties_count_half() -> None:
    found = mann_whitney([2.0, 3.0], [1.0, 2.0, 5.0])
    # Wins: 2>1, 3>1, 3>2; a tie at 2; so 3.5 of 6.
    assert found is not None
    assert found.superiority == 3.5 / 6
    assert found.cliffs_delta == pytest.approx(1 / 6)


def test_equal_scores_say_nothing() -> None:
    found = mann_whitney([1.0] * 3, [1.0] * 4)
    assert found is not None and (found.superiority, found.p) == (0.5, 1.0)
    large = mann_whitney([1.0] * 60, [1.0] * 60)
    assert large is not None and (large.superiority, large.p) == (0.5, 1.0)


def test_nothing_to_compare() -> None:
    assert mann_whitney([], [1.0]) is mann_whitney([1.0], [float("nan")]) is None


@pytest.mark.parametrize(("m", "n"), [(3, 3), (5, 8), (10, 10), (30, 25), (50, 50)])
def test_exact_is_scipy_s(m: int, n: int) -> None:
    rng = np.random.default_rng(m)
    a, b = rng.normal(0.5, 1, m), rng.normal(0, 1, n)
    found = mann_whitney(list(a), list(b))
    expected = stats.mannwhitneyu(a, b, method="exact")
    assert found is not None
    assert found.superiority == pytest.approx(expected.statistic / (m * n))
    assert found.p == pytest.approx(expected.pvalue, rel=1e-10)


@pytest.mark.parametrize("decimals", [0, 6])
def test_many_are_scipy_s_approximation(decimals: int) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.3, 1, 70).round(decimals), rng.normal(0, 1, 55).round(decimals)
    found = mann_whitney(list(a), list(b))
    expected = stats.mannwhitneyu(a, b, method="asymptotic")
    assert found is not None and found.p == pytest.approx(expected.pvalue, rel=1e-10)


@settings(max_examples=40)
@given(samples, samples)
def test_exact_with_ties_is_the_share_of_all_ways(first: list[float], second: list[float]) -> None:
    found = mann_whitney(first, second)
    assert found is not None and found.p == pytest.approx(share_as_far(first, second), rel=1e-12)


@given(samples, samples, st.randoms())
def test_only_the_ranks_matter(first: list[float], second: list[float], random) -> None:
    found = mann_whitney(first, second)
    shuffled = [random.sample(each, len(each)) for each in (first, second)]
    raised = [[2 * each for each in sample] for sample in (first, second)]
    assert mann_whitney(*shuffled) == mann_whitney(*raised) == found
    swapped = mann_whitney(second, first)
    assert found is not None and swapped is not None
    assert swapped.p == found.p
    assert swapped.superiority == pytest.approx(1 - found.superiority)
