"""Intervals over tokens that depend on each other: against resampling, theory and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from seqbench.report.statistics.by_token import block_interval, block_length

Floats = NDArray[np.float64]


def series(n: int, dependence: float, seed: int = 0) -> Floats:
    """A first-order autoregression of unit innovations, begun in its stationary distribution."""
    noise = np.random.default_rng(seed).normal(size=n)
    found = np.empty(n)
    found[0] = noise[0] / np.sqrt(1 - dependence**2)
    for place in range(1, n):
        found[place] = dependence * found[place - 1] + noise[place]
    return found


def resampled_spread(values: Floats, block: int, resamples: int = 4000) -> float:
    """The standard deviation of the mean of texts that are really put together of blocks."""
    rng, n = np.random.default_rng(1), len(values)
    starts = rng.integers(n, size=(resamples, n // block))
    places = (starts[:, :, None] + np.arange(block)) % n
    return float(values[places].reshape(resamples, -1).mean(axis=1).std())


@pytest.mark.parametrize("dependence", [0.0, 0.6, 0.9])
def test_it_is_what_resampling_leads_to(dependence: float) -> None:
    values = series(600, dependence)
    found = block_interval(values)
    assert found.mean == pytest.approx(values.mean())
    spread = (found.high - found.low) / 2 / 1.96
    assert spread == pytest.approx(resampled_spread(values, found.block), rel=0.06)


def test_independent_tokens_have_the_textbooks_interval() -> None:
    values = series(20_000, 0.0)
    found = block_interval(values)
    assert found.block <= 3
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.high - found.mean == pytest.approx(half, rel=0.05)


@pytest.mark.parametrize("dependence", [0.3, 0.7, -0.5])
def test_the_block_length_of_an_autoregression(dependence: float) -> None:
    """Its sums are known: G / g(0) = 2 d / (1 - d²)."""
    n = 200_000
    ratio = 2 * dependence / (1 - dependence**2)
    expected = (2 * ratio**2 / (4 / 3)) ** (1 / 3) * n ** (1 / 3)
    assert block_length(series(n, dependence)) == pytest.approx(expected, rel=0.15)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    """Where tokens depend on each other; intervals that take them as independent hold it rarely."""
    blocks, naive = 0, 0
    for seed in range(200):
        values = series(2000, 0.7, seed)
        found = block_interval(values)
        blocks += found.low <= 0 <= found.high
        half = 1.96 * values.std() / np.sqrt(len(values))
        naive += abs(values.mean()) <= half
    assert 0.89 <= blocks / 200 <= 0.99
    assert naive / 200 < 0.75


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.7], [0.0] * 9, [1.0, -1.0] * 20])
def test_little_text_and_no_difference(values: list[float]) -> None:
    found = block_interval(np.array(values))
    assert found.low <= found.mean <= found.high
    assert 1 <= found.block <= len(values)


def test_no_tokens() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        block_interval(np.empty(0))
