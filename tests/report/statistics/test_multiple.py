from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from seqbench.report.statistics.multiple import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_by_hand() -> None:
    # 3·.01, 2·.03, and 1·.04, which may not fall below .06
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


@pytest.mark.parametrize("n", [1, 2, 6, 15])
def test_is_that_of_statsmodels(n: int) -> None:
    given_p = list(np.random.default_rng(n).random(n).round(1) / n)  # some are equal
    assert holm(given_p) == pytest.approx(list(multipletests(given_p, method="holm")[1]))


@given(p_values, st.randoms())
def test_goes_with_its_p_value(given_p: list[float], random) -> None:
    adjusted = holm(given_p)
    order = random.sample(range(len(given_p)), len(given_p))
    assert holm([given_p[i] for i in order]) == [adjusted[i] for i in order]
    assert all(p <= q <= 1 for p, q in zip(given_p, adjusted, strict=True))
