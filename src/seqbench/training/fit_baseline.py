"""A baseline's run: fitted in one go, scored as a network is."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.baselines.baseline import Baseline
from seqbench.config.instantiate import instantiate
from seqbench.data.datamodule import SeqDataModule
from seqbench.records.predictions import Predictions
from seqbench.records.record import Cost
from seqbench.tasks.classification import Classification
from seqbench.training.attempt import Attempt
from seqbench.training.memory import peak_memory_bytes
from seqbench.training.outcome import Outcome
from seqbench.training.scoring import scores_of


def fit_baseline(attempt: Attempt) -> Outcome:
    """Fit the config's baseline and score it; what is fitted in one go is never resumed."""
    datamodule, folder = attempt.datamodule, attempt.folder
    num_classes = len(datamodule.spec.label_names)
    baseline: Baseline = instantiate(attempt.config["model"], "model")
    texts, labels = datamodule.texts("train"), datamodule.labels("train")
    fitting = time.perf_counter()
    baseline.fit(texts, labels, num_classes)
    fitted = time.perf_counter()
    folder.checkpoints.mkdir(exist_ok=True)
    baseline.save(folder.checkpoints)
    names, primary = datamodule.spec.label_names, Classification.primary
    validation = scores_of(
        predict(baseline, datamodule, "validation"),
        names,
        primary=primary,
        validation={},
        best_epoch=None,
    ).test
    testing = time.perf_counter()
    predictions = predict(baseline, datamodule, "test")
    cost = Cost(
        parameters=baseline.num_parameters,
        train_seconds=fitted - fitting,
        setup_seconds=fitting - attempt.started,
        test_seconds=time.perf_counter() - testing,
        peak_memory_bytes=peak_memory_bytes(torch.device("cpu")),
    )
    scores = scores_of(predictions, names, primary=primary, validation=validation, best_epoch=None)
    return Outcome(cost=cost, scores=scores, predictions=predictions, device="cpu")


def predict(baseline: Baseline, datamodule: SeqDataModule, split: str) -> Predictions:
    """A fitted baseline's predictions of a split."""
    lengths: NDArray[np.int32] = datamodule.lengths(split)
    return Predictions(
        rows=np.arange(len(lengths)),
        targets=datamodule.labels(split),
        lengths=lengths,
        probabilities=baseline.probabilities(datamodule.texts(split)),
    )
