from __future__ import annotations

import pytest

from seqbench.report import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, numbers.NONE), (0, "0"), (950, "950"), (999.6, "1 k"), (12_345, "12.3 k"),
        (999_499, "999 k"), (999_900, "1 M"), (4_560_000, "4.56 M"), (999_999_999, "1 G"),
    ],
)  # fmt: skip
def test_counts_have_three_digits(value: float | None, text: str) -> None:
    assert numbers.count(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.01, "< 0.1 s"), (0.42, "0.42 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
        (185, "3 min 05 s"), (3599.7, "1 h 00 min"), (7800, "2 h 10 min"),
    ],
)  # fmt: skip
def test_durations_never_reach_sixty(seconds: float, text: str) -> None:
    assert numbers.duration(seconds) == text
