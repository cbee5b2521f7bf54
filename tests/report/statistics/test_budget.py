from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.report.statistics.budget import expected_best

trials = st.lists(st.floats(-100, 100), min_size=1, max_size=30)


def test_by_hand() -> None:
    # Pairs of 1, 2, 4: best 2, 4, 4.
    assert expected_best([4.0, 1.0, 2.0], True) == pytest.approx([7 / 3, 10 / 3, 4])
    assert expected_best([4.0, 1.0, 2.0], False) == pytest.approx([7 / 3, 4 / 3, 1])
    assert expected_best([0.5], True) == [0.5]
    assert expected_best([], True) == []


def test_is_the_mean_over_all_draws() -> None:
    values = list(np.random.default_rng(0).normal(size=9))
    expected = [np.mean([max(drawn) for drawn in combinations(values, n)]) for n in range(1, 10)]
    assert expected_best(values, True) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("total", [200, 2000])
def test_many_trials_keep_their_digits(total: int) -> None:
    values = sorted(np.random.default_rng(0).normal(size=total))
    found = expected_best(values, True)
    for n in (1, 2, total // 3, total - 1, total):
        exact = sum(
            Fraction(comb(i - 1, n - 1), comb(total, n)) * Fraction(values[i - 1])
            for i in range(max(n, total - 300 if n > 2 else 1), total + 1)
        )
        assert found[n - 1] == pytest.approx(float(exact), rel=1e-12)


def test_is_unbiased_for_the_best_of_fresh_trials() -> None:
    rng = np.random.default_rng(0)
    found = np.mean([expected_best(list(rng.random(12)), True) for _ in range(3000)], axis=0)
    n = np.arange(1, 13)
    assert found == pytest.approx(n / (n + 1), abs=0.008)  # the best of n uniform ones


@given(trials, st.randoms())
def test_more_trials_never_hurt(values: list[float], random) -> None:
    found = expected_best(values, True)
    assert found == sorted(found)
    assert found[-1] == max(values)
    assert found[0] == pytest.approx(np.mean(values), abs=1e-9)
    assert expected_best(random.sample(values, len(values)), True) == found
    assert expected_best([-v for v in values], False) == [-best for best in found]
