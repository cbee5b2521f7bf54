"""The choices worth making: nothing else is both cheaper and better."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto_front(
    costs: Sequence[float], scores: Sequence[float], higher_is_better: bool
) -> list[int]:
    """Indices of the points that no other one dominates, cheapest first.

    A point is dominated where another costs no more and scores no worse, and is better in one of
    the two. Of points that are equal in both, all are kept; what is not a number is left out.

    Args:
        costs: lower is better.
        scores: one a cost.
        higher_is_better: the direction of the scores.
    """
    losses = [-score if higher_is_better else score for score in scores]
    points = sorted(
        (cost, loss, i)
        for i, (cost, loss) in enumerate(zip(costs, losses, strict=True))
        if not (math.isnan(cost) or math.isnan(loss))
    )
    front: list[int] = []
    best: tuple[float, float] | None = None
    for cost, loss, i in points:
        if best is None or loss < best[1] or (cost, loss) == best:
            best = (cost, loss)
            front.append(i)
    return front
