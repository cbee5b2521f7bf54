"""Ranges of values, as types for signatures: `lr: PositiveFloat`.

The configuration is checked against these annotations before any data is read, so a range is
stated once, in the signature of what uses the value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Bounds:
    """An interval of finite numbers; `open_low` and `open_high` leave the end itself out."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        """Whether the finite number lies inside; NaN and infinity never do."""
        if not math.isfinite(value):
            return False
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"a number {'>' if self.open_low else '>='} {self.low:.10g}"
        left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"a number in {left}{self.low:.10g}, {self.high:.10g}{right}"


PositiveInt = Annotated[int, Bounds(low=1)]
NonNegativeInt = Annotated[int, Bounds(low=0)]
PositiveFloat = Annotated[float, Bounds(low=0, open_low=True)]
NonNegativeFloat = Annotated[float, Bounds(low=0)]
Probability = Annotated[float, Bounds(low=0, high=1, open_high=True)]
Fraction = Annotated[float, Bounds(low=0, high=1)]
