"""Hyperparameters as a forest sees them: columns of numbers, and how much each value weighs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Axis(Protocol):
    """A hyperparameter, its values uniformly weighted."""

    @property
    def num_columns(self) -> int:
        """Columns that it takes in the forest's input."""

    def columns(self, values: Sequence[object]) -> Floats:
        """Codes values for the forest, shape (N, C)."""

    def inside(self, low_LC: Floats, high_LC: Floats) -> tuple[Bools, Floats]:
        """Which of the axis' cells each leaf holds.

        A leaf holds what is above `low` and not above `high` in every column, as in scikit-learn.

        Args:
            low_LC: lower bounds of L leaves in the axis' C columns.
            high_LC: upper bounds.

        Returns:
            Shape (L, K), and the weights of the K cells, which sum to 1.
        """


@dataclass(frozen=True, kw_only=True)
class Range:
    """A number that was drawn from a range, which it fills uniformly.

    Its cells are what lies between neighbouring bounds of the leaves.

    Attributes:
        low: the smallest value that was tried, 0 to the forest.
        high: the largest, 1 to the forest, which computes in single precision.
    """

    low: float
    high: float
    num_columns: int = 1

    def columns(self, values: Sequence[object]) -> Floats:
        """Codes values for the forest, shape (N, 1)."""
        numbers = np.array(values, dtype=np.float64)
        return np.asarray((numbers - self.low) / (self.high - self.low))[:, None]

    def inside(self, low_LC: Floats, high_LC: Floats) -> tuple[Bools, Floats]:
        """Which cells each leaf holds, and the cells' weights; see `Axis`."""
        bounds = np.concatenate([low_LC, high_LC, [[0.0], [1.0]]], axis=None)
        edges = np.unique(np.clip(bounds, 0, 1))
        centres = (edges[1:] + edges[:-1]) / 2
        return (low_LC < centres) & (centres <= high_LC), np.diff(edges)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A number that was tried at few values, each as likely as the other.

    Coded by rank: the spacing of a grid (64, 128, 256) says nothing of how its values weigh.

    Attributes:
        values: the values, smallest first.
    """

    values: tuple[float, ...]
    num_columns: int = 1

    def columns(self, values: Sequence[object]) -> Floats:
        """Codes values for the forest, shape (N, 1)."""
        return np.searchsorted(self.values, np.array(values, float)).astype(np.float64)[:, None]

    def inside(self, low_LC: Floats, high_LC: Floats) -> tuple[Bools, Floats]:
        """Which cells each leaf holds, and the cells' weights; see `Axis`."""
        ranks = np.arange(len(self.values))
        return (low_LC < ranks) & (ranks <= high_LC), np.full(len(ranks), 1 / len(ranks))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A hyperparameter whose values have no order, each as likely as the other.

    One column a value: a single column of codes would give them an order, and a tree would have
    to undo it. That the columns belong together is known here: a leaf's share of the axis is
    counted in values, not in corners of a cube.

    Attributes:
        labels: type and text of each value, sorted; True, 1 and "1" are three values.
    """

    labels: tuple[str, ...]

    @property
    def num_columns(self) -> int:
        """Columns that it takes in the forest's input, one a value."""
        return len(self.labels)

    def columns(self, values: Sequence[object]) -> Floats:
        """Codes values for the forest, shape (N, K)."""
        return np.array([[_label(v) == each for each in self.labels] for v in values], np.float64)

    def inside(self, low_LC: Floats, high_LC: Floats) -> tuple[Bools, Floats]:
        """Which cells each leaf holds, and the cells' weights; see `Axis`."""
        chosen, excluded = low_LC >= 0, high_LC < 1
        held = ~excluded & (chosen | ~chosen.any(axis=1, keepdims=True))
        return held, np.full(len(self.labels), 1 / len(self.labels))


def axis_of(values: Sequence[object]) -> Axis:
    """How to look at a hyperparameter, given its value in every trial.

    Finite numbers are a range, or a grid where there are at most half as many values as trials;
    anything else, booleans and a mixture with None included, is a choice.
    """
    numbers = [float(v) for v in values if isinstance(v, Real) and not isinstance(v, bool)]
    if len(numbers) < len(values) or not all(map(math.isfinite, numbers)):
        return Choice(labels=tuple(sorted({_label(value) for value in values})))
    distinct = sorted(set(numbers))
    if 2 * len(distinct) <= len(values):
        return Grid(values=tuple(distinct))
    return Range(low=distinct[0], high=distinct[-1])


def _label(value: object) -> str:
    value = value.item() if isinstance(value, np.generic) else value  # numpy's "a" is "a"
    return f"{type(value).__name__} {value!r}"
