from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.records.predictions import Predictions, write_predictions
from seqbench.records.record import (
    Budget,
    Confusion,
    Cost,
    LengthBin,
    Primary,
    Provenance,
    RunError,
    RunRecord,
    Scores,
)

Store = Callable[..., RunRecord]
ACCURACY = Primary(name="accuracy", higher_is_better=True)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Stores a generated run under tmp_path/outputs and gives its record."""

    def store(**changes: Any) -> RunRecord:
        return store_run(tmp_path / "outputs", **changes)

    return store


def store_run(
    outputs: Path,
    *,
    model: str = "lstm",
    data: str = "docstrings",
    seed: int = 0,
    score: float | None = 0.5,
    status: str = "completed",
    error: RunError | None = None,
    primary: Primary | None = ACCURACY,
    labels: tuple[str, ...] = ("torch", "pandas", "scipy", "sympy"),
    settings: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    study: str = "architectures",
    overlaps: Mapping[str, int] | None = None,
    data_fingerprint: str = "d1",
    code: str = "c1",
    examples: int = 0,
    budget: Budget | None = None,
) -> RunRecord:
    """A run whose numbers follow from its score and seed."""
    rng = np.random.default_rng([seed, *model.encode(), *data.encode()])
    baseline = model.startswith("baseline/")
    differs = json.dumps([settings, config], sort_keys=True, default=str)
    digest = hashlib.sha256(differs.encode()).hexdigest()[:8]
    run_id = f"{data}-{model.removeprefix('baseline/')}-s{seed}-{digest}"
    completed = status == "completed" and primary is not None
    test: dict[str, float | None] = {}
    if completed and primary is not None:
        test = {primary.name: score}
        if score is not None:
            test |= {"macro_f1": score - 0.01, "calibration_error": float(rng.uniform(0.02, 0.1))}
    record = RunRecord(
        run_id=run_id,
        study=study,
        seed=seed,
        status=status,
        error=error,
        config={
            "seed": seed,
            "study": study,
            "model": {"_target_": f"models.{model}", **(settings or {})},
            "choices": {"data": data, "model": model},
            "paths": {"outputs": "outputs"},
            **(config or {}),
        },
        overrides=[f"model={model}", f"seed={seed}"],
        provenance=Provenance(
            versions={"python": "3.11.0", "torch": "2.13.0"},
            code=code,
            git=None,
            platform="Linux 6 x86_64",
            cpu="some cpu",
            cores=2,
            device=None if baseline else "cpu",
            command=f"seqbench train model={model} seed={seed}",
            started="2026-01-01T00:00:00Z",
            finished="2026-01-01T00:01:00Z",
            data_fingerprint=data_fingerprint,
            overlaps=dict(overlaps or {}),
        ),
        cost=Cost(parameters=1000 + len(model))
        if baseline
        else Cost(
            parameters=300_000 + 10_000 * len(model),
            epochs=6,
            steps=600,
            tokens=1_000_000,
            train_seconds=30.0 + 5 * seed,
            tokens_per_second=33_000.0,
            flops=1e12 * (1 + len(model)),
            state_bytes=1024,
        ),
        scores=_scores(rng, primary, test, score, labels, baseline) if completed else Scores(),
        budget=budget,
    )
    path = outputs / study / run_id
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.write_record(record)
    if not baseline and score is not None and primary is not None:
        _write_history(folder.metrics, rng, primary.name, score)
    if completed and score is not None and examples:
        _write_predictions(folder.predictions, rng, score, examples, len(labels))
    return record


def _write_predictions(
    path: Path, rng: np.random.Generator, score: float, examples: int, num_classes: int
) -> None:
    """The first share of the examples that `score` is are right, with a little noise."""
    targets = np.arange(examples) % num_classes
    right = np.arange(examples) + rng.integers(-3, 4, examples) < score * examples
    said = np.where(right, targets, (targets + 1) % num_classes)
    probabilities = np.full((examples, num_classes), 0.3 / (num_classes - 1))
    probabilities[np.arange(examples), said] = 0.7
    predictions = Predictions(
        rows=np.arange(examples),
        targets=targets,
        lengths=np.full(examples, 9, dtype=np.int32),
        probabilities=probabilities,
        texts=tuple(f"text {row} <b>of</b> the split" for row in range(examples)),
    )
    write_predictions(path, predictions)


def _scores(rng, primary, test, score, labels, baseline) -> Scores:
    share = min(max(score or 0.0, 0.0), 1.0)
    weights = rng.dirichlet(np.ones(len(labels)), len(labels)) * (1 - share)
    counts = np.round(200 * (weights + share * np.eye(len(labels)))).astype(int)
    edges = [(1, 6), (7, 9), (10, 13), (14, 20), (21, 60)]
    return Scores(
        primary=primary,
        best_epoch=None if baseline else 4,
        validation={} if baseline else {primary.name: share},
        test=test,
        per_class={label: {"f1": share} for label in labels},
        per_length=[
            LengthBin(
                low=a, high=b, n=160, accuracy=min(1.0, share + 0.02 * i + rng.normal(0, 0.005))
            )
            for i, (a, b) in enumerate(edges)
        ],
        confusion=Confusion(labels=list(labels), counts=counts.tolist()),
    )


def _write_history(path: Path, rng: np.random.Generator, name: str, score: float) -> None:
    seconds = 0.0
    with MetricsWriter(path) as writer:
        for epoch in range(6):
            seconds += float(rng.uniform(4, 6))
            value = score * (1 - 0.6 * 0.45 ** (epoch + 1)) + float(rng.normal(0, 0.004))
            writer.write(
                step=100 * (epoch + 1),
                epoch=epoch,
                seconds=seconds,
                tokens=1000 * epoch,
                values={f"validation/{name}": value, "train/loss": 1 - value},
            )


@pytest.fixture
def study(store: Store, tmp_path: Path) -> Path:
    """Four networks and two baselines, three seeds each, and runs that failed."""
    means = {"lstm": 0.71, "gru": 0.70, "transformer": 0.66, "bow": 0.63}
    for model, mean in means.items():
        rng = np.random.default_rng(list(model.encode()))
        for seed in range(3):
            score = mean + float(rng.normal(0, 0.006))
            store(model=model, seed=seed, score=score, examples=200)
    store(model="baseline/majority", score=0.1, examples=200)
    store(model="baseline/tfidf_regression", score=0.612, examples=200)
    error = RunError(type="TrainingError", message="the loss is not finite at step 31")
    store(model="rnn", seed=0, status="failed", error=error)
    store(
        model="rnn", seed=1, status="interrupted", error=RunError(type="SIGTERM", message="stopped")
    )
    return tmp_path / "outputs"
