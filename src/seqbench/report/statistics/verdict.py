"""A claim judged by the interval of its effect against the smallest effect that matters."""

from __future__ import annotations

from typing import Literal

Direction = Literal["greater", "less", "equal"]
Verdict = Literal["supported", "refuted", "inconclusive"]


def verdict(
    low: float | None, high: float | None, direction: Direction, smallest_effect: float
) -> Verdict:
    """What the interval of first - second says of a claim (Kruschke 2018's decision rule).

    With r the smallest effect:

    - greater: supported where the whole interval is at least r (above 0, where r is 0), refuted
      where all of it is below r (not above 0, where r is 0).
    - less: the mirror image.
    - equal: supported where the whole interval lies within ±r, refuted where all of it is outside
      on one side.

    Otherwise, and without an interval, it is inconclusive.

    Args:
        low: lower end of the interval.
        high: its upper end.
        direction: how the first is claimed to stand to the second.
        smallest_effect: r, in units of the effect.

    Raises:
        ValueError: the smallest effect is negative, or 0 for a claim of equality.
    """
    if not smallest_effect >= 0:
        raise ValueError(f"smallest_effect must be 0 or more, got {smallest_effect}")
    if direction == "equal" and smallest_effect == 0:
        raise ValueError("a claim of equality needs a smallest_effect above 0, got 0")
    if low is None or high is None:
        return "inconclusive"
    if direction == "equal":
        return _equal(low, high, smallest_effect)
    if direction == "less":
        low, high = -high, -low
    return _greater(low, high, smallest_effect)


def _greater(low: float, high: float, r: float) -> Verdict:
    if low >= r and low > 0:
        return "supported"
    if high < r or high <= 0:
        return "refuted"
    return "inconclusive"


def _equal(low: float, high: float, r: float) -> Verdict:
    if -r <= low and high <= r:
        return "supported"
    if low > r or high < -r:
        return "refuted"
    return "inconclusive"
