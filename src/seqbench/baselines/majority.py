"""Majority class: what accuracy is worth without looking at the text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from seqbench.baselines.baseline import (
    Baseline,
    Floats,
    Ints,
    not_fitted,
    read_state,
    write_state,
)
from seqbench.errors import DataError


class Majority(Baseline):
    """Gives every text the class frequencies of the training split.

    It predicts the most frequent class, and its loss is the entropy of the classes: the two
    numbers below which nothing was learned.
    """

    def __init__(self) -> None:
        self._frequencies_C: Floats | None = None

    @property
    def num_parameters(self) -> int:
        """One frequency a class."""
        return 0 if self._frequencies_C is None else self._frequencies_C.size

    def fit(self, texts: Sequence[str], labels: Ints, num_classes: int) -> None:
        """Counts the classes."""
        if not len(labels):
            raise DataError("majority", expected="training examples", got="none")
        self._frequencies_C = np.bincount(labels, minlength=num_classes) / len(labels)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """The same row for every text, shape (N, C)."""
        if self._frequencies_C is None:
            raise not_fitted(self)
        return np.tile(self._frequencies_C, (len(texts), 1))

    def save(self, folder: Path) -> None:
        """Writes the frequencies."""
        if self._frequencies_C is None:
            raise not_fitted(self)
        arrays = {"frequencies": self._frequencies_C}
        write_state(folder, kind="majority", settings={}, arrays=arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads the frequencies."""
        _, arrays = read_state(folder, kind="majority")
        majority = cls()
        majority._frequencies_C = arrays["frequencies"]
        return majority
