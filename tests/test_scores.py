from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)
from torchmetrics.classification import MulticlassCalibrationError, MulticlassF1Score

from seqbench.scores import (
    SMALLEST_PROBABILITY,
    accuracy_by_length,
    calibration_error,
    classification_scores,
)


def example(n: int, num_classes: int, seed: int):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, num_classes)) * rng.choice([0.3, 3.0, 40.0], size=(n, 1))
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    targets = rng.integers(0, num_classes - 1, n)  # the last class never occurs
    return targets, probabilities, rng.integers(1, 50, n)


@pytest.mark.parametrize(("n", "num_classes", "seed"), [(400, 4, 0), (300, 7, 1), (1, 3, 2)])
def test_agrees_with_torchmetrics_and_scikit_learn(n: int, num_classes: int, seed: int) -> None:
    targets, probabilities, lengths = example(n, num_classes, seed)
    names = [f"class {i}" for i in range(num_classes)]
    scores = classification_scores(
        targets=targets, probabilities=probabilities, lengths=lengths, label_names=names
    )
    predictions = probabilities.argmax(axis=1)
    probabilities_t, targets_t = torch.from_numpy(probabilities), torch.from_numpy(targets)
    ece = MulticlassCalibrationError(num_classes, n_bins=15, norm="l1")
    macro = MulticlassF1Score(num_classes, average="macro")
    clipped = np.clip(probabilities, SMALLEST_PROBABILITY, 1)
    expected = {
        "accuracy": accuracy_score(targets, predictions),
        "macro_f1": f1_score(targets, predictions, average="macro"),
        "loss": -np.log(clipped[np.arange(n), targets]).mean(),
        "calibration_error": float(ece(probabilities_t, targets_t)),
    }
    assert scores.scores == pytest.approx(expected, abs=1e-6)  # torchmetrics: float32
    assert scores.scores["macro_f1"] == pytest.approx(float(macro(probabilities_t, targets_t)))
    normal = clipped / clipped.sum(axis=1, keepdims=True)
    reference = log_loss(targets, normal, labels=range(num_classes))
    assert scores.scores["loss"] == pytest.approx(reference)
    labels = list(range(num_classes))
    assert scores.confusion.labels == names
    assert scores.confusion.counts == confusion_matrix(targets, predictions, labels=labels).tolist()
    columns = precision_recall_fscore_support(targets, predictions, labels=labels, zero_division=0)
    for i, name in enumerate(names):
        values = scores.per_class[name]
        assert list(values) == ["precision", "recall", "f1", "support"]
        assert list(values.values()) == pytest.approx([column[i] for column in columns])


def test_certain_and_right_is_well_calibrated() -> None:
    probabilities = np.eye(3)[[0, 1, 2, 2]]
    scores = classification_scores(
        targets=np.array([0, 1, 2, 2]),
        probabilities=probabilities,
        lengths=np.ones(4, int),
        label_names=["a", "b", "c"],
    )
    assert scores.scores == {
        "accuracy": 1.0,
        "macro_f1": 1.0,
        "loss": 0.0,
        "calibration_error": 0.0,
    }
    wrong = classification_scores(
        targets=np.array([1, 2, 0, 0]),
        probabilities=probabilities,
        lengths=np.ones(4, int),
        label_names=["a", "b", "c"],
    )
    assert wrong.scores["loss"] == pytest.approx(-np.log(1e-12))
    assert wrong.scores["calibration_error"] == 1.0


def test_certainty_has_a_bin_of_its_own() -> None:
    confidences, correct = np.array([1.0, 0.95]), np.array([False, True])
    assert calibration_error(confidences, correct) == pytest.approx((1 + 0.05) / 2)
    probabilities = torch.tensor([[1.0, 0.0], [0.95, 0.05]])
    ece = MulticlassCalibrationError(2, n_bins=15, norm="l1")
    assert float(ece(probabilities, torch.tensor([1, 0]))) == pytest.approx((1 + 0.05) / 2)


def test_lengths_by_hand() -> None:
    lengths = np.array([1, 1, 1, 1, 2, 3, 9, 9])
    correct = np.array([1, 0, 1, 0, 1, 1, 0, 0], dtype=bool)
    bins = accuracy_by_length(lengths, correct, 4)
    assert [(b.low, b.high, b.n, b.accuracy) for b in bins] == [
        (1, 1, 4, 0.5),
        (2, 3, 2, 1.0),
        (9, 9, 2, 0.0),
    ]


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"3 columns, got 2 targets and .* \(2, 2\)"):
        classification_scores(
            targets=np.zeros(2, int),
            probabilities=np.full((2, 2), 0.5),
            lengths=np.ones(2, int),
            label_names=["a", "b", "c"],
        )
