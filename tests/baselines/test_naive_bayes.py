from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from tests.baselines.texts import LABELS, OTHER, TEXTS, sign

from seqbench.baselines.majority import Majority
from seqbench.baselines.naive_bayes import NaiveBayes
from seqbench.errors import ConfigError, DataError, RecordError

# Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), example 13.1:
# Chinese, Beijing, Shanghai, Macao, Tokyo, Japan are the six terms, 1 is the class "China".
CHINA = [
    "Chinese Beijing Chinese",
    "Chinese Chinese Shanghai",
    "Chinese Macao",
    "Tokyo Japan Chinese",
]
ABOUT_CHINA = np.array([1, 1, 1, 0])
ASKED = "Chinese Chinese Chinese Tokyo Japan"


def shares(*joint: float) -> list[float]:
    return [each / sum(joint) for each in joint]


@pytest.mark.parametrize(
    ("binary", "expected"),
    [
        # 8 words of class 1, 5 of them Chinese; 3 of class 0, one of each: all plus one of six.
        (False, shares(1 / 4 * (2 / 9) ** 3 * (2 / 9) ** 2, 3 / 4 * (6 / 14) ** 3 * (1 / 14) ** 2)),
        # Once a text: 6 terms in class 1, Chinese in 3 of its texts, and once in what is asked.
        (True, shares(1 / 4 * (2 / 9) ** 3, 3 / 4 * (4 / 12) * (1 / 12) ** 2)),
    ],
)
def test_by_hand(binary: bool, expected: list[float]) -> None:
    bayes = NaiveBayes(ngram_max=1, alpha=1.0, binary=binary)
    assert bayes.num_parameters == 0
    bayes.fit(CHINA, ABOUT_CHINA, 2)
    (found,) = bayes.probabilities([ASKED])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert bayes.num_parameters == 2 + 2 * 6


@pytest.mark.parametrize(
    ("ngram_max", "min_freq", "max_features", "lower", "alpha", "binary"),
    [
        (1, 1, None, True, 1.0, False),
        (2, 2, None, True, 0.3, True),
        (3, 1, 20, False, 0.01, False),
    ],
)
def test_equals_scikit_learn(
    tmp_path: Path, ngram_max, min_freq, max_features, lower, alpha, binary
) -> None:
    bayes = NaiveBayes(
        ngram_max=ngram_max,
        min_freq=min_freq,
        max_features=max_features,
        lower=lower,
        alpha=alpha,
        binary=binary,
    )
    bayes.fit(TEXTS, LABELS, 3)
    vectorizer = CountVectorizer(
        ngram_range=(1, ngram_max),
        min_df=min_freq,
        max_features=max_features,
        lowercase=lower,
        binary=binary,
    )
    pipeline = make_pipeline(vectorizer, MultinomialNB(alpha=alpha)).fit(TEXTS, LABELS)
    found = bayes.probabilities(OTHER)
    np.testing.assert_allclose(found, pipeline.predict_proba(OTHER), rtol=0, atol=1e-10)
    assert bayes.num_parameters == pipeline[1].feature_log_prob_.size + 3
    bayes.save(tmp_path)
    loaded = NaiveBayes.load(tmp_path)
    np.testing.assert_array_equal(loaded.probabilities(OTHER), found)
    assert loaded.num_parameters == bayes.num_parameters


def test_a_class_that_training_never_saw_and_words_that_it_never_saw(tmp_path: Path) -> None:
    bayes = NaiveBayes()
    bayes.fit(["up up", "down", "up", "up"], np.array([3, 1, 3, 3]), 5)
    bayes.save(tmp_path)
    for fitted in (bayes, NaiveBayes.load(tmp_path)):
        probabilities = fitted.probabilities(["up", "down", "sideways", ""])
        assert probabilities[:, [0, 2, 4]].tolist() == [[0.0] * 3] * 4
        assert probabilities.argmax(axis=1).tolist() == [3, 1, 3, 3]
        np.testing.assert_allclose(probabilities[2:, [1, 3]], [[0.25, 0.75]] * 2)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_a_long_text_does_not_underflow() -> None:
    bayes = NaiveBayes(binary=False)
    bayes.fit(TEXTS, LABELS, 3)
    (found,) = bayes.probabilities(["red blue " * 20_000])
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_added_to_counts_is_a_finite_number_above_0(alpha: float) -> None:
    with pytest.raises(ConfigError, match=rf"model\.alpha: expected a finite .*, got {alpha}"):
        NaiveBayes(alpha=alpha)


def test_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="naive_bayes: expected training examples, got none"):
        NaiveBayes().fit([], np.array([], dtype=np.int64), 2)
    with pytest.raises(DataError, match=r"terms that occur in 9 training texts.*model\.min_freq"):
        NaiveBayes(min_freq=9).fit(["some words", "others here"], np.array([0, 1]), 2)
    with pytest.raises(DataError, match=r"naive_bayes: .*got empty vocabulary[^;]*; perhaps .*"):
        NaiveBayes().fit(["a", "!"], np.array([0, 1]), 2)
    with pytest.raises(RuntimeError, match="NaiveBayes: fit it before"):
        NaiveBayes().probabilities(["x"])
    with pytest.raises(RuntimeError, match="NaiveBayes: fit it before"):
        NaiveBayes().save(tmp_path)
    majority = Majority()
    majority.fit(["x"], np.array([0]), 1)
    majority.save(tmp_path)
    with pytest.raises(RecordError, match="expected a saved naive_bayes, got majority"):
        NaiveBayes.load(tmp_path)


def test_nothing_that_is_loaded_can_run_code(tmp_path: Path) -> None:
    bayes = NaiveBayes()
    bayes.fit(TEXTS, LABELS, 3)
    bayes.save(tmp_path)
    evil = io.BytesIO()
    np.lib.format.write_array(evil, np.array([print], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "baseline.npz", "w") as file:
        file.writestr("log_prior.npy", evil.getvalue())
    sign(tmp_path)
    with pytest.raises(RecordError, match="allow_pickle=False"):
        NaiveBayes.load(tmp_path)
