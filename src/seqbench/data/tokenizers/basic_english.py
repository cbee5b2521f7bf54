"""torchtext's classic English tokenizer, with torchtext's own vocabulary."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from seqbench.data.tokenizers.tokenizer import SPECIAL_TOKENS
from seqbench.data.tokenizers.vocabulary_tokenizer import VocabularyTokenizer
from seqbench.data.tokenizers.word_filters import WordFilter
from seqbench.data.torchtext_compat import torchtext_module
from seqbench.domains import PositiveInt


class BasicEnglishTokenizer(VocabularyTokenizer):
    """torchtext's `basic_english`: lower-cased, split at spaces and around common marks.

    Args:
        stop_words: "drop" leaves out scikit-learn's list of English stop words.
        lemmas: a language code, e.g. "en": words are replaced by their dictionary form (simplemma).
        min_freq: rarer tokens are unknown.
        max_vocab: the most frequent tokens that are kept, special ones not counted; None keeps all.

    Raises:
        DataError: torchtext is not installed.
    """

    def __init__(
        self,
        *,
        stop_words: Literal["keep", "drop"] = "keep",
        lemmas: str | None = None,
        min_freq: PositiveInt = 2,
        max_vocab: PositiveInt | None = 20000,
    ) -> None:
        super().__init__(min_freq=min_freq, max_vocab=max_vocab)
        self.stop_words = stop_words
        self.lemmas = lemmas
        self.filter = WordFilter(stop_words=stop_words, lemmas=lemmas, lowercase=True)
        self._split = torchtext_module("data").get_tokenizer("basic_english")

    def split(self, text: str) -> list[str]:
        """The pieces that torchtext makes of a text."""
        pieces: list[str] = self._split(text)
        return pieces

    def normalise(self, piece: str) -> str | None:
        """The word's lemma, or None for a stop word, as the settings say."""
        return self.filter(piece)

    def choose(self, counts: Counter[str]) -> list[str]:
        """The tokens that torchtext's `vocab` numbers, most frequent first."""
        by_frequency = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        make = torchtext_module("vocab").vocab
        tokens: list[str] = make(
            dict(by_frequency), min_freq=self.min_freq, specials=list(SPECIAL_TOKENS)
        ).get_itos()[len(SPECIAL_TOKENS) :]
        return tokens[: self.max_vocab]

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "stop_words": self.stop_words,
            "lemmas": self.lemmas,
            "min_freq": self.min_freq,
            "max_vocab": self.max_vocab,
        }
