"""Durations to be read."""

from __future__ import annotations

import pytest

from seqbench.records.durations import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"),
        (45.4, "45 s"),
        (59.7, "1 min 00 s"),
        (221, "3 min 41 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_durations_in_words(seconds: float, said: str) -> None:
    assert words(seconds) == said
