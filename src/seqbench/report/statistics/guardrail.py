"""What a number of seeds can show at all, and how many it takes."""

from __future__ import annotations

import math

from scipy.special import ndtri


def smallest_p(n: int) -> float:
    """The smallest p-value that a two-sided sign-flip test of n pairs can give, 2^(1-n)."""
    return min(1.0, 2.0 ** (1 - n))


def pairs_needed(comparisons: int, alpha: float = 0.05) -> int:
    """The fewest pairs with which Holm can call one of many comparisons significant.

    Args:
        comparisons: how many there are; six need eight pairs.
        alpha: level of significance.

    Raises:
        ValueError: alpha is not above 0.
    """
    if alpha <= 0:
        raise ValueError(f"alpha must be above 0, got {alpha}")
    n = 1
    while smallest_p(n) * comparisons > alpha:
        n += 1
    return n


def seeds_for_superiority(
    superiority: float = 0.75, alpha: float = 0.05, beta: float = 0.05
) -> int:
    """Runs a side for which the Mann-Whitney test finds that the one beats the other so often.

    Noether 1987, one-sided, equal samples: N = (z(1-alpha) + z(1-beta))² / (3·(P - 1/2)²) in all.

    Args:
        superiority: P(A>B) that is to be found; 0.75 needs 29 runs a side.
        alpha: chance to find it where there is none.
        beta: chance to miss it.

    Raises:
        ValueError: the superiority is not above 1/2, or above 1.
    """
    if not 0.5 < superiority <= 1:
        raise ValueError(f"superiority must be above 0.5 and at most 1, got {superiority}")
    z = float(ndtri(1 - alpha) + ndtri(1 - beta))
    return math.ceil(z**2 / (3 * (superiority - 0.5) ** 2) / 2)
