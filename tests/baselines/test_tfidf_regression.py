from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tests.baselines.texts import LABELS, OTHER, TEXTS, sign

from seqbench.baselines.majority import Majority
from seqbench.baselines.tfidf_regression import TfidfRegression
from seqbench.errors import DataError, RecordError


@pytest.mark.parametrize(
    ("ngram_max", "min_freq", "max_features", "lower", "sublinear", "C"),
    [(1, 1, None, True, True, 1.0), (2, 2, None, True, False, 10.0), (3, 1, 20, False, True, 0.1)],
)
def test_equals_the_pipeline_of_scikit_learn(
    tmp_path: Path, ngram_max, min_freq, max_features, lower, sublinear, C
) -> None:
    baseline = TfidfRegression(
        ngram_max=ngram_max,
        min_freq=min_freq,
        max_features=max_features,
        lower=lower,
        sublinear=sublinear,
        C=C,
    )
    baseline.fit(TEXTS, LABELS, 3)
    pipeline = make_pipeline(
        TfidfVectorizer(
            ngram_range=(1, ngram_max),
            min_df=min_freq,
            max_features=max_features,
            lowercase=lower,
            sublinear_tf=sublinear,
        ),
        LogisticRegression(C=C, max_iter=1000),
    ).fit(TEXTS, LABELS)
    expected = pipeline.predict_proba(OTHER)
    np.testing.assert_array_equal(baseline.probabilities(OTHER), expected)
    assert baseline.num_parameters == pipeline[1].coef_.size + 3
    baseline.save(tmp_path)
    loaded = TfidfRegression.load(tmp_path)
    np.testing.assert_array_equal(loaded.probabilities(OTHER), expected)
    assert loaded.num_parameters == baseline.num_parameters


def test_two_classes_and_one_that_training_never_saw(tmp_path: Path) -> None:
    baseline = TfidfRegression(min_freq=1)
    baseline.fit(["up up", "down", "up", "down now"], np.array([3, 1, 3, 1]), 5)
    baseline.save(tmp_path)
    for fitted in (baseline, TfidfRegression.load(tmp_path)):
        probabilities = fitted.probabilities(["up", "down"])
        assert probabilities.shape == (2, 5)
        assert probabilities.argmax(axis=1).tolist() == [3, 1]
        assert probabilities[:, [0, 2, 4]].tolist() == [[0.0] * 3] * 2
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_a_fit_that_is_stopped_is_still_a_classifier() -> None:
    baseline = TfidfRegression(max_iter=1)
    baseline.fit(TEXTS, LABELS, 3)
    assert baseline.probabilities(OTHER).shape == (32, 3)


def test_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"at least two classes, got 1 of 3 classes"):
        TfidfRegression().fit(["one text", "two texts"], np.array([0, 0]), 3)
    with pytest.raises(DataError, match=r"terms that occur in 9 training texts.*model\.min_freq"):
        TfidfRegression(min_freq=9).fit(["some words", "others here"], np.array([0, 1]), 2)
    with pytest.raises(RuntimeError, match="TfidfRegression: fit it before"):
        TfidfRegression().probabilities(["x"])
    with pytest.raises(RuntimeError, match="TfidfRegression: fit it before"):
        TfidfRegression().save(tmp_path)
    majority = Majority()
    majority.fit(["x"], np.array([0]), 1)
    majority.save(tmp_path)
    with pytest.raises(RecordError, match="expected a saved tfidf_regression, got majority"):
        TfidfRegression.load(tmp_path)


def test_nothing_that_is_loaded_can_run_code(tmp_path: Path) -> None:
    baseline = TfidfRegression()
    baseline.fit(TEXTS, LABELS, 3)
    baseline.save(tmp_path)
    evil = io.BytesIO()
    array = np.array([print], dtype=object)
    np.lib.format.write_array(evil, array, allow_pickle=True)
    assert pickle.dumps(print) in evil.getvalue() or b"print" in evil.getvalue()
    with zipfile.ZipFile(tmp_path / "baseline.npz", "w") as file:
        file.writestr("idf.npy", evil.getvalue())
    sign(tmp_path)
    with pytest.raises(RecordError, match="allow_pickle=False"):
        TfidfRegression.load(tmp_path)
