"""The contract of every baseline of language models: tokens in, their probabilities out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.baselines.baseline import Fitted, Floats

Ids = NDArray[np.int32]


class LanguageBaseline(Fitted):
    """Predicts the next token from those before it.

    A baseline of your own subclasses this and is named by `model._target_`.

    Attributes:
        context: tokens before the next one that its distribution depends on; None for all of them.
    """

    @property
    def context(self) -> int | None:
        """See above; who writes text remembers no more of it."""
        return None

    @abstractmethod
    def fit(self, ids: Ids, vocab_size: int) -> None:
        """Learns from the training text.

        Args:
            ids: token ids of the whole text, shape N.
            vocab_size: V; an id need not occur in the text.

        Raises:
            DataError: the text is too short to learn from.
        """

    @abstractmethod
    def losses(self, ids: Ids) -> Floats:
        """The negative log likelihood of every token but the first, in nats, shape N - 1.

        Raises:
            RuntimeError: it was not fitted.
        """

    @abstractmethod
    def distribution(self, history: Sequence[int]) -> Floats:
        """The probability of each token after these, shape V, summing to 1.

        Raises:
            RuntimeError: it was not fitted.
        """
