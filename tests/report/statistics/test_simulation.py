"""What the intervals and tests promise, over 1,000 simulated studies."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator

from seqbench.report.statistics.paired import sign_flip_p
from seqbench.report.statistics.summary import Summary, paired_difference

STUDIES = 1_000
NOISE = 0.005  # standard deviation of a score over seeds, besides what both share


def study(rng: Generator, seeds: int, effect: float) -> Summary:
    """Two accuracies a seed: what the seed does to both, and what it does to each."""
    shared = 0.85 + rng.normal(0, 0.01, seeds)
    first = shared + effect + rng.normal(0, NOISE, seeds)
    second = shared + rng.normal(0, NOISE, seeds)
    return paired_difference(dict(enumerate(first)), dict(enumerate(second)))


def share(outcomes: list[bool]) -> float:
    return sum(outcomes) / len(outcomes)


@pytest.mark.parametrize("effect", [0.0, 0.01])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_covers_the_truth_and_raises_few_false_alarms(seeds, effect) -> None:
    rng = np.random.default_rng(0)
    found = [study(rng, seeds, effect) for _ in range(STUDIES)]
    covered = share([s.low <= effect <= s.high for s in found])
    assert 0.93 <= covered <= 0.97
    if effect == 0:
        assert share([s.low > 0 or s.high < 0 for s in found]) <= 0.06


def test_a_large_effect_is_found_with_its_sign() -> None:
    rng = np.random.default_rng(0)
    effect = -3 * NOISE * 2**0.5  # three standard deviations of the differences
    found = [study(rng, 10, effect) for _ in range(STUDIES)]
    assert share([s.high < 0 for s in found]) > 0.99


def test_sign_flips_raise_few_false_alarms() -> None:
    rng = np.random.default_rng(0)
    p_values = [sign_flip_p(list(rng.normal(size=8)), rng) for _ in range(STUDIES)]
    assert share([p <= 0.05 for p in p_values]) <= 0.06
