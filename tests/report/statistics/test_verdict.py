from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.report.statistics.verdict import verdict

ends = st.tuples(st.integers(-9, 9), st.integers(-9, 9)).map(sorted)


@pytest.mark.parametrize(
    ("low", "high", "smallest", "expected"),
    [
        (0.01, 0.03, 0.01, "supported"),
        (0.009, 0.03, 0.01, "inconclusive"),
        (-0.02, 0.01, 0.01, "inconclusive"),
        (-0.02, 0.009, 0.01, "refuted"),
        (0.001, 0.009, 0.01, "refuted"),  # there, but too small to matter
        (0.001, 0.02, 0.0, "supported"),
        (0.0, 0.02, 0.0, "inconclusive"),
        (-0.02, 0.0, 0.0, "refuted"),
        (0.0, 0.0, 0.0, "refuted"),
        (-0.02, 0.001, 0.0, "inconclusive"),
    ],
)
def test_greater_and_its_mirror_image(low, high, smallest, expected) -> None:
    assert verdict(low, high, "greater", smallest) == expected
    assert verdict(-high, -low, "less", smallest) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.01, 0.01, "supported"),
        (0.002, 0.004, "supported"),
        (-0.011, 0.005, "inconclusive"),
        (0.01, 0.02, "inconclusive"),
        (0.011, 0.02, "refuted"),
        (-0.02, -0.011, "refuted"),
        (-0.02, 0.02, "inconclusive"),
    ],
)
def test_equal(low, high, expected) -> None:
    assert verdict(low, high, "equal", 0.01) == expected
    assert verdict(-high, -low, "equal", 0.01) == expected


@pytest.mark.parametrize("direction", ["greater", "less", "equal"])
def test_no_interval_decides_nothing(direction) -> None:
    assert verdict(None, None, direction, 0.01) == "inconclusive"
    assert verdict(0.5, None, direction, 0.01) == "inconclusive"


def test_what_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match=r"smallest_effect must be 0 or more, got -0\.1"):
        verdict(0.0, 1.0, "greater", -0.1)
    with pytest.raises(ValueError, match="equality needs a smallest_effect above 0"):
        verdict(None, None, "equal", 0)


@given(ends, st.integers(1, 5))
def test_opposite_claims_are_not_both_supported(interval: list[int], smallest: int) -> None:
    low, high = interval
    found = {
        direction: verdict(low, high, direction, smallest)
        for direction in ("greater", "less", "equal")
    }
    # Equality and a difference overlap in the one point where the effect is the smallest.
    supported = [d for d, each in found.items() if each == "supported"]
    assert len(supported) <= 1 or abs(low) == abs(high) == smallest
    if found["greater"] == "supported":
        assert found["less"] == "refuted"


@given(ends, st.integers(1, 5), st.sampled_from(["greater", "less", "equal"]))
def test_a_narrower_interval_never_turns_a_verdict(interval, smallest, direction) -> None:
    low, high = interval
    wide = verdict(low, high, direction, smallest)
    narrow = verdict((low + high) / 2, (low + high) / 2, direction, smallest)
    assert wide in ("inconclusive", narrow)
