"""What may happen to single words: lemmas, and dropping stop words."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

from seqbench.errors import ConfigError

StopWords = Literal["keep", "drop"]


@cache
def english_stop_words() -> frozenset[str]:
    """scikit-learn's list of 318 English words, lower-case."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)


@cache
def lemmatizer(language: str) -> Callable[[str], str]:
    """The function that gives a word's dictionary form.

    Args:
        language: a language code that simplemma knows, e.g. "en".

    Raises:
        ConfigError: simplemma is not installed, or does not know the language.
    """
    try:
        import simplemma
    except ModuleNotFoundError:
        raise ConfigError(
            "tokenizer.lemmas", expected="simplemma to be installed", remedy="pip install simplemma"
        ) from None
    try:
        simplemma.lemmatize("words", lang=language)
    except (ValueError, OSError, KeyError):
        raise ConfigError(
            "tokenizer.lemmas", expected='a language code such as "en"', got=repr(language)
        ) from None
    return lambda word: str(simplemma.lemmatize(word, lang=language))


class WordFilter:
    """Maps a word to its lemma and drops stop words, as told.

    Args:
        stop_words: "drop" leaves out scikit-learn's English list.
        lemmas: the language whose dictionary forms replace words; None leaves words as they are.
        lowercase: whether lemmas are lower-cased, as the words were.
    """

    def __init__(self, *, stop_words: StopWords, lemmas: str | None, lowercase: bool) -> None:
        self._stop_words = english_stop_words() if stop_words == "drop" else frozenset()
        self._lemma = lemmatizer(lemmas) if lemmas else None
        self._lowercase = lowercase

    def __call__(self, word: str) -> str | None:
        """The word to use; None drops it. Stop words are looked up before lemmas are formed."""
        if word.lower() in self._stop_words:
            return None
        if self._lemma is None or not word[:1].isalpha():
            return word
        lemma = self._lemma(word)
        return lemma.lower() if self._lowercase else lemma
