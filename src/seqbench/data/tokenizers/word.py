"""Words and punctuation marks as tokens."""

from __future__ import annotations

import re
from typing import Any, Literal

from seqbench.data.tokenizers.vocabulary_tokenizer import VocabularyTokenizer
from seqbench.data.tokenizers.word_filters import WordFilter
from seqbench.domains import PositiveInt

WORD = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")


class WordTokenizer(VocabularyTokenizer):
    """Runs of letters, digits and underscores, with inner apostrophes; every other mark by itself.

    Args:
        lowercase: whether upper and lower case are one.
        stop_words: "drop" leaves out scikit-learn's list of English stop words.
        lemmas: a language code, e.g. "en": words are replaced by their dictionary form (simplemma).
        min_freq: rarer tokens are unknown.
        max_vocab: the most frequent tokens that are kept, special ones not counted; None keeps all.
    """

    def __init__(
        self,
        *,
        lowercase: bool = True,
        stop_words: Literal["keep", "drop"] = "keep",
        lemmas: str | None = None,
        min_freq: PositiveInt = 2,
        max_vocab: PositiveInt | None = 20000,
    ) -> None:
        super().__init__(min_freq=min_freq, max_vocab=max_vocab)
        self.lowercase = lowercase
        self.stop_words = stop_words
        self.lemmas = lemmas
        self.filter = WordFilter(stop_words=stop_words, lemmas=lemmas, lowercase=lowercase)

    def split(self, text: str) -> list[str]:
        """The words and marks of a text."""
        return WORD.findall(text.lower() if self.lowercase else text)

    def normalise(self, piece: str) -> str | None:
        """The word's lemma, or None for a stop word, as the settings say."""
        return self.filter(piece)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "lowercase": self.lowercase,
            "stop_words": self.stop_words,
            "lemmas": self.lemmas,
            "min_freq": self.min_freq,
            "max_vocab": self.max_vocab,
        }
