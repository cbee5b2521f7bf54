"""Which plain values fit which hint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

import pytest

from seqbench.config.values import described, fits
from seqbench.domains import Fraction, NonNegativeInt, PositiveFloat, PositiveInt, Probability


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, int, True), (1.0, int, False), (True, int, False), ("1", int, False),
        (1, float, True), (1.5, float, True), (True, float, False), (math.nan, float, False),
        (math.inf, float, True), (math.inf, PositiveFloat, False), (0, PositiveFloat, False),
        (True, bool, True), (1, bool, False), ("a", str, True), (1, str, False),
        (None, None, True), (None, int, False), (None, int | None, True),
        (None, Union[int, str, None], True),  # noqa: UP007
        ("a", Literal["a", "b"], True), ("c", Literal["a", "b"], False),
        (1, Literal[1, 2], True), (True, Literal[1], False),
        (0, PositiveInt, False), (0, NonNegativeInt, True), (1.0, Fraction, True),
        (1.0, Probability, False), (0.999, Probability, True), (None, Probability | None, True),
        ([], list[int], True), ([1, "a"], list[int], False), ("ab", list[str], False),
        ("ab", Sequence[str], False), ([1, 2], tuple[int, int], True),
        ([1], tuple[int, int], False),
        ([1, 2, 3], tuple[int, ...], True), ([], list, True), ({}, list, False),
        ({"a": 1}, dict[str, int], True), ({"a": "b"}, dict[str, int], False),
        ({"a": [1]}, Mapping[str, list[int]], True), ([1], dict[str, int], False),
        ("x", Path, True), (1, Path, False), (object(), Any, True), ("x", object, True),
        ("auto", PositiveInt | Literal["auto"], True), ("no", PositiveInt | Literal["auto"], False),
    ],
)  # fmt: skip
def test_fits(value: object, hint: Any, expected: bool) -> None:
    assert fits(value, hint) is expected


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "an integer"),
        (PositiveInt | None, "an integer >= 1 or null"),
        (Probability, "a number in [0, 1)"),
        (Fraction, "a number in [0, 1]"),
        (PositiveFloat, "a number > 0"),
        (Literal["a", "b"] | None, "one of a, b or null"),
        (list[PositiveInt], "a list, each an integer >= 1"),
        (dict[str, int], "a mapping"),
    ],
)
def test_described(hint: Any, words: str) -> None:
    assert described(hint) == words
