from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.training.nearest import DoesNotGrow, nearest


class Counted:
    """A size that keeps count of how often it is asked for what."""

    def __init__(self, size: Callable[[int], int]) -> None:
        self.size = size
        self.asked: list[int] = []

    def __call__(self, number: int) -> int:
        self.asked.append(number)
        return self.size(number)


def by_trying(size: Callable[[int], int], goal: int, most: int) -> float:
    return min(abs(math.log(size(number) / goal)) for number in range(1, most))


@given(
    fixed=st.integers(0, 100_000),
    slope=st.integers(1, 500),
    bend=st.integers(0, 20),
    goal=st.integers(1, 1_000_000),
    start=st.integers(1, 600),
)
def test_it_is_what_trying_all_finds(
    fixed: int, slope: int, bend: int, goal: int, start: int
) -> None:
    def size(number: int) -> int:
        return fixed + slope * number + bend * number**2

    asked = Counted(size)
    most = 2 + next(n for n in range(1, 1_000_001) if size(n) >= goal)
    found = nearest(asked, goal, start=start, close=0.01)
    assert abs(math.log(size(found) / goal)) == pytest.approx(by_trying(size, goal, most))
    assert len(asked.asked) == len(set(asked.asked))


def test_it_asks_seldom() -> None:
    lstm = Counted(lambda width: 816_128 + 4 * width * (128 + width + 2) + 10 * (width + 1))
    assert nearest(lstm, 2_000_000, start=128, close=0.01) == 482
    assert len(lstm.asked) <= 9


def test_behind_a_dip_an_earlier_number_is_found() -> None:
    """At 128, the width of the input, a projection of 128² goes, and all above are a jump away."""

    def size(width: int) -> int:
        return 100 * width**2 + (0 if width == 128 else 30_000 * 128) + 3_000_000

    goal = size(127) - 30_000
    found = nearest(size, goal, start=200, close=0.001)
    assert size(found) == min((size(n) for n in range(1, 400)), key=lambda each: abs(each - goal))


@pytest.mark.parametrize("start", [1, 7, 1000])
def test_a_goal_below_every_size_gives_the_first(start: int) -> None:
    assert nearest(lambda number: 10 * number + 50, 3, start=start, close=0.01) == 1


@pytest.mark.parametrize("size", [lambda _: 5, lambda number: min(number, 700)])
def test_what_does_not_grow_or_no_more_is_told(size: Callable[[int], int]) -> None:
    asked = Counted(size)
    with pytest.raises(DoesNotGrow):
        nearest(asked, 1000, start=128, close=0.01)
    assert len(asked.asked) < 10


def test_among_neighbours_of_one_size_it_is_not_looked_for_without_end() -> None:
    assert nearest(lambda _: 1050, 1000, start=128, close=0.01) == 1
