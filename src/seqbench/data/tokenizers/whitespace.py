"""Whatever stands between white space as tokens."""

from __future__ import annotations

from typing import Any

from seqbench.data.tokenizers.vocabulary_tokenizer import VocabularyTokenizer
from seqbench.domains import PositiveInt


class WhitespaceTokenizer(VocabularyTokenizer):
    """Text that was tokenised before, its tokens set apart by spaces; they are taken as they are.

    A token `<unk>` of the text is the unknown token. The vocabularies of WikiText and Penn Treebank
    are those of their texts: keep everything for perplexities that can be compared.

    Args:
        lowercase: whether upper and lower case are one.
        min_freq: rarer tokens are unknown.
        max_vocab: the most frequent tokens that are kept, special ones not counted; None keeps all.
    """

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
        """What stands between white space."""
        return (text.lower() if self.lowercase else text).split()

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "lowercase": self.lowercase,
            "min_freq": self.min_freq,
            "max_vocab": self.max_vocab,
        }
