from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seqbench.report.statistics.pareto import pareto_front

points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


def test_by_hand() -> None:
    costs, scores = [3.0, 1.0, 2.0, 4.0], [0.9, 0.5, 0.4, 0.9]
    assert pareto_front(costs, scores, True) == [1, 0]  # 2 costs more than 1, 3 more than 0
    assert pareto_front(costs, scores, False) == [1, 2]
    assert pareto_front([], [], True) == []


def test_exact_ties_are_kept_and_nan_is_not() -> None:
    nan = float("nan")
    assert pareto_front([1.0, 2.0, 1.0, nan, 0.5], [0.5, 0.5, 0.5, 0.9, nan], True) == [0, 2]


@given(points, st.booleans())
def test_is_what_nothing_dominates(given_points: list[tuple[int, int]], higher: bool) -> None:
    costs, scores = [c for c, _ in given_points], [s for _, s in given_points]
    losses = [-s if higher else s for s in scores]
    kept = {
        i
        for i in range(len(costs))
        if not any(
            costs[j] <= costs[i] and losses[j] <= losses[i] and (costs[j], losses[j]) != p
            for j, p in ((j, (costs[i], losses[i])) for j in range(len(costs)))
        )
    }
    found = pareto_front(costs, scores, higher)
    assert set(found) == kept and len(found) == len(kept)
    assert [costs[i] for i in found] == sorted(costs[i] for i in found)
