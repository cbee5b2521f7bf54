"""What can be counted in texts that a model wrote."""

from __future__ import annotations

from collections.abc import Sequence

REPEATED_RUN = 4
"""Tokens of a run whose second occurrence counts as a repetition."""


def distinct(texts: Sequence[Sequence[int]], n: int) -> float | None:
    """Different n-grams over n-grams, counted over all texts (Li et al. 2016, section 5.2).

    None where no text has n tokens.
    """
    grams = [gram for text in texts for gram in _grams(text, n)]
    return len(set(grams)) / len(grams) if grams else None


def repetition(texts: Sequence[Sequence[int]], n: int = REPEATED_RUN) -> float | None:
    """The share of n-grams that stood in the same text before; None where there are none."""
    total = repeated = 0
    for text in texts:
        grams = _grams(text, n)
        total += len(grams)
        repeated += len(grams) - len(set(grams))
    return repeated / total if total else None


def _grams(text: Sequence[int], n: int) -> list[tuple[int, ...]]:
    return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]
