"""The whole number at which something that grows comes nearest to a goal."""

from __future__ import annotations

import math
from collections.abc import Callable

WIDE = 0.1
"""How far from the goal it is looked for beyond the crossing, as a share of the goal."""
_NEIGHBOURS = 100


class DoesNotGrow(ValueError):
    """What should be found by its size does not grow, not even by one with each number."""


def nearest(size: Callable[[int], int], goal: int, *, start: int, close: float) -> int:
    """The number >= 1 whose size differs from the goal by the smallest ratio.

    The size grows with the number, but for dips: a model whose width becomes that of its input does
    without a projection. So where neither side of the crossing is close, neighbours are tried.

    Args:
        size: of a number; asked once for each, and seldom, since it may be slow.
        goal: what the size should be, at least 1.
        start: a number to begin with.
        close: the share of the goal by which a size may differ and be good enough.

    Raises:
        DoesNotGrow: the size does not.
    """
    known: dict[int, float] = {}

    def distance(number: int) -> float:
        """Below 0 where the size is too small."""
        if number not in known:
            known[number] = math.log(size(number) / goal)
        return known[number]

    low, high = _around(distance, start, most=goal)
    turn = 0
    while high - low > 1:
        middle = _between(low, high, distance) if turn % 3 < 2 else (low + high) // 2
        low, high = (middle, high) if distance(middle) < 0 else (low, middle)
        turn += 1
    if min(abs(distance(low)), abs(distance(high))) > math.log1p(close):
        for side in (range(low, 0, -1), range(high, high + _NEIGHBOURS)):
            for number in side[:_NEIGHBOURS]:
                if abs(distance(number)) >= math.log1p(WIDE):
                    break
    return min(known, key=lambda number: (abs(known[number]), number))


def _around(distance: Callable[[int], float], start: int, *, most: int) -> tuple[int, int]:
    """A number too small, or 1, and one that is not: the same, or a larger one."""
    low = high = start
    while distance(high) < 0:
        if high > most:
            raise DoesNotGrow(f"{high:,} of it are too few still")
        low, high = high, 2 * high
    while low > 1 and distance(low) >= 0:
        low, high = low // 2, low
    return low, high


def _between(low: int, high: int, distance: Callable[[int], float]) -> int:
    """Where a power of the number through both ends meets the goal, strictly between them."""
    rise = distance(high) - distance(low)
    share = -distance(low) / rise if rise > 0 else 0.5
    return min(max(round(low * math.pow(high / low, share)), low + 1), high - 1)
