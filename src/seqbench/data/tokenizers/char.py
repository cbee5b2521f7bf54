"""Characters as tokens."""

from __future__ import annotations

from typing import Any

from seqbench.data.tokenizers.vocabulary_tokenizer import VocabularyTokenizer
from seqbench.domains import PositiveInt


class CharTokenizer(VocabularyTokenizer):
    """Every Unicode character is a token, spaces and line ends too.

    Args:
        lowercase: whether upper and lower case are one.
        min_freq: rarer characters are unknown.
        max_vocab: the most frequent characters that are kept; None keeps all.
    """

    separator = ""

    def __init__(
        self,
        *,
        lowercase: bool = False,
        min_freq: PositiveInt = 1,
        max_vocab: PositiveInt | None = None,
    ) -> None:
        super().__init__(min_freq=min_freq, max_vocab=max_vocab)
        self.lowercase = lowercase

    def split(self, text: str) -> list[str]:
        """The characters of a text."""
        return list(text.lower() if self.lowercase else text)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "lowercase": self.lowercase,
            "min_freq": self.min_freq,
            "max_vocab": self.max_vocab,
        }
