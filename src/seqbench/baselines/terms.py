"""Texts as counts of n-grams of words: what the baselines that look at words have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.feature_extraction.text import CountVectorizer

from seqbench.errors import DataError


def vectorizer_options(
    *, ngram_max: int, min_freq: int, max_features: int | None, lower: bool
) -> dict[str, Any]:
    """The arguments of a vectorizer of scikit-learn: which n-grams are terms."""
    return {
        "ngram_range": (1, ngram_max),
        "min_df": min_freq,
        "max_features": max_features,
        "lowercase": lower,
    }


def learn_terms(vectorizer: CountVectorizer, texts: Sequence[str], *, name: str) -> Any:
    """Chooses the terms; gives the texts' vectors, a sparse matrix of shape (N, terms).

    Args:
        vectorizer: one of counts, or of what is made of them.
        texts: of the training split.
        name: the baseline's, for the error.

    Raises:
        DataError: no term is left.
    """
    try:
        return vectorizer.fit_transform(texts)
    except ValueError as error:  # scikit-learn's way to say so
        raise DataError(
            name,
            expected=f"terms that occur in {vectorizer.min_df} training texts",
            got=str(error).partition("\n")[0],
            remedy="lower model.min_freq" if vectorizer.min_df > 1 else "",
        ) from error


def terms_of(vectorizer: CountVectorizer) -> list[str]:
    """The terms in the order of the vectors' columns."""
    terms: list[str] = vectorizer.get_feature_names_out().tolist()
    return terms


def set_terms(vectorizer: CountVectorizer, terms: Sequence[str]) -> None:
    """Has a vectorizer go on with terms that another one chose."""
    vectorizer.set_params(vocabulary={term: column for column, term in enumerate(terms)})
