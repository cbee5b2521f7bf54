"""Two trained language models on the same test text, whose tokens depend on their neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from seqbench.report.statistics.summary import CONFIDENCE

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OverTokens:
    """A mean over the tokens of a text with its 95 % interval.

    Attributes:
        mean: over all tokens.
        low: lower end of the interval.
        high: its upper end.
        block: tokens of a block, within which dependence is kept.
    """

    mean: float
    low: float
    high: float
    block: int


def block_interval(differences_N: NDArray[np.floating]) -> OverTokens:
    """The mean with the interval that the circular block bootstrap leads to.

    Politis & Romano 1992: resamples are put together of blocks of neighbouring tokens, drawn
    anywhere from the text, which goes on from its end to its beginning. The variance of their means
    has a closed form, that of a block's mean over the number of blocks; a text has enough of them
    for a normal distribution, so that no resample has to be drawn.

    Args:
        differences_N: of each token, in the order of the text, N >= 1.

    Raises:
        ValueError: there are no tokens.
    """
    values_N = np.asarray(differences_N, dtype=np.float64)
    if not len(values_N):
        raise ValueError("expected at least one token, got none")
    n, block, mean = len(values_N), block_length(values_N), float(values_N.mean())
    ahead = np.concatenate([[0.0], np.cumsum(np.concatenate([values_N, values_N[: block - 1]]))])
    means_N = (ahead[block:] - ahead[:-block]) / block
    spread = math.sqrt(float(((means_N - mean) ** 2).mean()) * block / n)
    half = float(ndtri((1 + CONFIDENCE) / 2)) * spread
    return OverTokens(mean, mean - half, mean + half, block)


def block_length(values_N: Floats) -> int:
    """How long blocks have to be for the dependence that there is.

    Politis & White 2004, section 3, as corrected by Patton, Politis & White 2009, for circular
    blocks: autocorrelations beyond the last one that is not negligible are left out.
    """
    n = len(values_N)
    negligible = 2 * math.sqrt(math.log10(n) / n) if n > 1 else 0.0
    run = max(5, math.ceil(math.sqrt(math.log10(n)))) if n > 1 else 0
    longest = math.ceil(min(3 * math.sqrt(n), n / 3))
    most = min(n - 1, math.ceil(math.sqrt(n)) + run)
    covariance_L = _autocovariance(values_N, most)
    if most < 1 or covariance_L[0] <= 0:
        return 1
    small_L = np.abs(covariance_L[1:]) < negligible * covariance_L[0]
    last = next((lag for lag in range(most - run + 1) if small_L[lag : lag + run].all()), most)
    reach = min(2 * max(last, 1), most)
    lags = np.arange(1, reach + 1)
    weighted = np.minimum(1.0, 2 * (1 - lags / reach)) * covariance_L[1 : reach + 1]
    density = covariance_L[0] + 2 * weighted.sum()
    slope = 2 * (lags * weighted).sum()
    if density <= 0:
        return 1
    best = (2 * slope**2 / (4 / 3 * density**2)) ** (1 / 3) * n ** (1 / 3)
    return int(min(max(1, round(best)), longest))


def _autocovariance(values_N: Floats, most: int) -> Floats:
    """At lags 0 to `most`, over N each."""
    n, centred_N = len(values_N), values_N - values_N.mean()
    return np.array([centred_N[: n - lag] @ centred_N[lag:] / n for lag in range(most + 1)])
