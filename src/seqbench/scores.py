"""Scores of a classifier on a split, in numpy: the one definition for networks and baselines.

Training logs torchmetrics objects batch by batch; what stands in the record is computed here, in
one pass over all predictions, so that it can be recomputed from `predictions.parquet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.records.record import Confusion, LengthBin

CALIBRATION_BINS = 15
SMALLEST_PROBABILITY = 1e-12  # a class held impossible costs 27.6 nats, not infinity

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ClassificationScores:
    """What a record keeps of a test pass; the fields are those of `records.Scores`.

    Attributes:
        scores: accuracy, macro_f1, loss (mean negative log likelihood, nats), calibration_error.
        per_class: by class name: precision, recall, f1, support.
        per_length: accuracy by ranges of length.
        confusion: row = true class, column = predicted class.
    """

    scores: dict[str, float | None]
    per_class: dict[str, dict[str, float | None]]
    per_length: list[LengthBin]
    confusion: Confusion


def classification_scores(
    *,
    targets: Ints,
    probabilities: Floats,
    lengths: NDArray[np.integer],
    label_names: Sequence[str],
    num_length_bins: int = 5,
) -> ClassificationScores:
    """Scores a classifier's probabilities.

    Args:
        targets: true class ids, shape N, N >= 1.
        probabilities: shape (N, C), rows summing to 1.
        lengths: tokens of each example, shape N.
        label_names: names of the classes, C of them.
        num_length_bins: ranges of length, at most.

    Raises:
        ValueError: the shapes do not fit each other, or there are no examples.
    """
    num_classes = len(label_names)
    if not len(targets) or probabilities.shape != (len(targets), num_classes):
        got = f"{len(targets)} targets and probabilities of shape {probabilities.shape}"
        raise ValueError(f"expected one row an example and {num_classes} columns, got {got}")
    probabilities = np.asarray(probabilities, dtype=np.float64)
    predictions = np.argmax(probabilities, axis=1)
    correct = predictions == targets
    counts = confusion_counts(targets, predictions, num_classes)
    precision, recall, f1 = precision_recall_f1(counts)
    # A class that is neither present nor predicted says nothing about the classifier.
    occurs = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    return ClassificationScores(
        scores={
            "accuracy": float(correct.mean()),
            "macro_f1": float(f1[occurs].mean()),
            "loss": negative_log_likelihood(targets, probabilities),
            "calibration_error": calibration_error(probabilities.max(axis=1), correct),
        },
        per_class={
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": float(counts[i].sum()),
            }
            for i, name in enumerate(label_names)
        },
        per_length=accuracy_by_length(lengths, correct, num_length_bins),
        confusion=Confusion(labels=list(label_names), counts=counts.tolist()),
    )


def confusion_counts(targets: Ints, predictions: Ints, num_classes: int) -> Ints:
    """Examples by true class (row) and predicted class (column), shape (C, C)."""
    pairs = targets.astype(np.int64) * num_classes + predictions
    counts = np.bincount(pairs, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def precision_recall_f1(counts: Ints) -> tuple[Floats, Floats, Floats]:
    """Of each class, from the confusion counts; 0 where there is nothing to divide by."""
    hits = np.diag(counts)
    predicted, present = counts.sum(axis=0), counts.sum(axis=1)
    return (
        hits / np.maximum(predicted, 1),
        hits / np.maximum(present, 1),
        2 * hits / np.maximum(predicted + present, 1),
    )


def negative_log_likelihood(targets: Ints, probabilities: Floats) -> float:
    """Mean over examples, in nats; probabilities below 1e-12 count as that."""
    of_target = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.clip(of_target, SMALLEST_PROBABILITY, 1)).mean())


def calibration_error(confidences: Floats, correct: NDArray[np.bool_]) -> float:
    """Expected calibration error (Guo et al. 2017, section 2) over 15 equal bins.

    Bins are closed on the left, and a confidence of exactly 1 has one of its own, as in
    torchmetrics' MulticlassCalibrationError with the L1 norm.
    """
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins = np.digitize(confidences, edges) - 1
    size = CALIBRATION_BINS + 1
    confident = np.bincount(bins, weights=confidences, minlength=size)
    right = np.bincount(bins, weights=correct, minlength=size)
    # |mean accuracy - mean confidence| · bin share: the bin's own count cancels.
    return float(np.abs(right - confident).sum() / len(confidences))


def accuracy_by_length(
    lengths: NDArray[np.integer], correct: NDArray[np.bool_], num_bins: int
) -> list[LengthBin]:
    """Accuracy in ranges of length that hold about as many examples each, shortest first.

    Equal lengths stay together, so there are fewer bins where one length is frequent.
    """
    quantiles = np.linspace(0, 1, num_bins + 1)[1:]
    highs = np.unique(np.quantile(lengths, quantiles, method="inverted_cdf"))
    bins = np.searchsorted(highs, lengths)
    found = []
    for i in range(len(highs)):
        inside = bins == i
        found.append(
            LengthBin(
                low=int(lengths[inside].min()),
                high=int(lengths[inside].max()),
                n=int(inside.sum()),
                accuracy=float(correct[inside].mean()),
            )
        )
    return found
