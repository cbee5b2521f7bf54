from __future__ import annotations

import numpy as np
import pytest

from seqbench.report.statistics.guardrail import pairs_needed, seeds_for_superiority, smallest_p
from seqbench.report.statistics.multiple import holm
from seqbench.report.statistics.paired import sign_flip_p


def test_by_hand() -> None:
    assert smallest_p(5) == 0.0625
    assert smallest_p(6) == 0.03125
    assert smallest_p(1) == smallest_p(0) == 1
    # The six pairs of four architectures: .05 / 6 = .0083, 2^-6 = .0156, 2^-7 = .0078
    assert [pairs_needed(k) for k in (0, 1, 6)] == [1, 6, 8]
    assert pairs_needed(1, alpha=0.0625) == 5
    assert pairs_needed(1, alpha=0.01) == 8


@pytest.mark.parametrize("n", [1, 4, 9])
def test_smallest_is_what_the_test_gives_at_best(n: int) -> None:
    assert sign_flip_p(list(range(1, n + 1)), np.random.default_rng(0)) == smallest_p(n)


@pytest.mark.parametrize("comparisons", [1, 3, 6, 15])
def test_needed_is_what_holm_needs(comparisons: int) -> None:
    n = pairs_needed(comparisons)
    others = [1.0] * (comparisons - 1)
    assert holm([smallest_p(n), *others])[0] <= 0.05 < holm([smallest_p(n - 1), *others])[0]


def test_superiority_by_hand() -> None:
    # (1.6449 + 1.6449)² / (3·.25²) = 57.7 in all
    assert seeds_for_superiority() == 29
    # (1.6449 + 0.8416)² / (3·.4²) = 12.9 in all
    assert seeds_for_superiority(0.9, beta=0.2) == 7


def test_what_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match=r"superiority must be above 0\.5 and at most 1, got 0\.5"):
        seeds_for_superiority(0.5)
    with pytest.raises(ValueError, match="alpha must be above 0, got 0"):
        pairs_needed(1, alpha=0)
