"""Many comparisons at once: the chance of a single false alarm stays what it is for one."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, step-down (Holm 1979), in the order given.

    The smallest of K is multiplied by K, the next by K - 1, and so on; none is let below a smaller
    one's, and none is above 1.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted
