from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seqbench.report.statistics.paired import hedges_g, sign_flip_p

scores = st.lists(st.integers(-50, 50), min_size=1, max_size=8).map(
    lambda whole: [each / 8 for each in whole]
)


def p_of(differences: list[float], seed: int = 0) -> float | None:
    return sign_flip_p(differences, np.random.default_rng(seed))


def test_by_hand() -> None:
    # Sums of ±1 ±2 ±3: of 8, only 6 and -6 are as far out as the observed 6.
    assert p_of([1.0, 2.0, 3.0]) == 2 / 8
    # The observed is -1 + 2 + 3 = 4; so are ±6 and ±4.
    assert p_of([-1.0, 2.0, 3.0]) == 4 / 8
    assert p_of([0.5]) == p_of([0.0, 0.0]) == 1
    assert p_of([]) is p_of([float("nan")]) is None


def test_five_seeds_cannot_reach_a_twentieth() -> None:
    assert p_of([0.1] * 5) == 2**-4
    assert p_of([0.1] * 6) == 2**-5 < 0.05


def test_sums_that_differ_by_rounding_are_equal() -> None:
    # 0.3 - 0.2 - 0.1 is 0 but for rounding, and so is its mirror image.
    differences = [0.1, 0.2, -0.3]
    assert sum(differences) != 0
    assert p_of(differences) == 1
    # 0.8 - 0.7 is a little more than 0.1, whichever of the ten it stands at.
    assert p_of([0.8 - 0.7] + [0.1] * 8 + [-0.1]) == (2 + 2 * 10) / 2**10


@pytest.mark.parametrize("n", [3, 7, 10])
def test_enumerated_is_scipy_s(n: int) -> None:
    sample = np.random.default_rng(n).normal(0.3, 1, n)
    expected = stats.permutation_test(
        (sample,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert p_of(list(sample)) == pytest.approx(expected.pvalue, rel=1e-12)


def test_drawn_is_near_the_enumerated() -> None:
    rng = np.random.default_rng(0)
    sixteen = rng.normal(0.4, 1, 16)
    # A zero more changes no sum, but goes beyond what is enumerated.
    drawn, exact = p_of([*sixteen, 0.0]), p_of(list(sixteen))
    assert drawn is not None and exact is not None
    assert drawn == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 9_999) ** 0.5)
    assert (drawn * 10_000) == pytest.approx(round(drawn * 10_000))
    assert p_of([1.0] * 40) == 1 / 10_000


def test_drawn_again_is_the_same() -> None:
    sample = list(np.random.default_rng(3).normal(0.2, 1, 20))
    assert p_of(sample) == p_of(sample[::-1]) == p_of([-each for each in sample])


@given(scores, st.randoms(), st.sampled_from([0.001, 3.0, 1e6]))
def test_order_sign_and_scale_do_not_matter(differences: list[float], random, scale) -> None:
    shuffled = random.sample(differences, len(differences))
    expected = p_of(differences)
    assert expected is not None and 2.0 ** (1 - len(differences)) <= expected <= 1
    assert p_of(shuffled) == p_of([-each for each in differences]) == expected
    assert p_of([scale * each for each in differences]) == expected


def test_g_by_hand() -> None:
    # Means 5 and 2, both variances 1, d = 4: J = Γ(2) / (√2·Γ(1.5)) = 0.797885
    assert hedges_g([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]) == pytest.approx(3 * 0.797885, abs=1e-5)


def test_g_s_correction_is_near_the_common_approximation() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 2, 12), rng.normal(0, 3, 9)
    pooled = ((11 * a.var(ddof=1) + 8 * b.var(ddof=1)) / 19) ** 0.5
    expected = (1 - 3 / (4 * 19 - 1)) * (a.mean() - b.mean()) / pooled
    assert hedges_g(list(a), list(b)) == pytest.approx(expected, rel=1e-3)


def test_g_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    found = [hedges_g(list(rng.normal(1, 1, 4)), list(rng.normal(0, 1, 4))) for _ in range(4000)]
    assert np.mean(found) == pytest.approx(1, abs=4 * np.std(found) / 4000**0.5)


def test_g_needs_spread() -> None:
    assert hedges_g([1.0], [1.0, 2.0]) is None
    assert hedges_g([0.1] * 3, [0.7] * 3) is None
    assert hedges_g([0.1] * 3, [0.7, 0.8]) is not None


@given(scores, scores, st.integers(-9, 9), st.sampled_from([0.25, 2.0, 16.0]))
def test_g_under_shift_scale_and_swap(first, second, shift, scale) -> None:
    expected = hedges_g(first, second)
    swapped = hedges_g(second, first)
    moved = hedges_g(*([scale * each + shift for each in sample] for sample in (first, second)))
    if expected is None:
        assert swapped is moved is None
    else:
        assert swapped == -expected
        assert moved == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert hedges_g(first[::-1], second[::-1]) == expected
