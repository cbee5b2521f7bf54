"""Token frequencies: what a text is worth without its order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from seqbench.baselines.baseline import Floats, not_fitted, read_state, write_state
from seqbench.baselines.language.language_baseline import Ids, LanguageBaseline
from seqbench.domains import PositiveFloat
from seqbench.errors import DataError


class Unigram(LanguageBaseline):
    """Gives every token its frequency in the training text, whatever stands before it.

    Args:
        add: added to every count, so that no token is impossible (Lidstone's law; 1 is Laplace's).
    """

    def __init__(self, *, add: PositiveFloat = 1.0) -> None:
        self.add = add
        self._probabilities_V: Floats | None = None

    @property
    def num_parameters(self) -> int:
        """One frequency a token."""
        return 0 if self._probabilities_V is None else self._probabilities_V.size

    @property
    def context(self) -> int:
        """None of them."""
        return 0

    def fit(self, ids: Ids, vocab_size: int) -> None:
        """Counts the tokens."""
        if not len(ids):
            raise DataError("unigram", expected="a training text", got="none")
        counts_V = np.bincount(ids, minlength=vocab_size) + self.add
        self._probabilities_V = counts_V / counts_V.sum()

    def losses(self, ids: Ids) -> Floats:
        """See LanguageBaseline."""
        losses: Floats = -np.log(self.distribution([]))[ids[1:]]
        return losses

    def distribution(self, history: Sequence[int]) -> Floats:
        """The same for every history, shape V."""
        if self._probabilities_V is None:
            raise not_fitted(self)
        return self._probabilities_V

    def save(self, folder: Path) -> None:
        """Writes the frequencies."""
        arrays = {"probabilities": self.distribution([])}
        write_state(folder, kind="unigram", settings={"add": self.add}, arrays=arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads the frequencies."""
        settings, arrays = read_state(folder, kind="unigram")
        unigram = cls(**settings)
        unigram._probabilities_V = arrays["probabilities"]
        return unigram
