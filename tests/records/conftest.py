from __future__ import annotations

import pytest

from seqbench.records.record import (
    Confusion,
    Cost,
    GitState,
    LengthBin,
    Primary,
    Provenance,
    RunRecord,
    Scores,
)


@pytest.fixture
def record() -> RunRecord:
    return RunRecord(
        run_id="docstrings-lstm-s0-0123abcd",
        study="architectures",
        seed=0,
        status="completed",
        config={
            "choices": {"model": "lstm"},
            "model": {"d_hidden": 8, "dropout": 0.5},
            "debug": None,
        },
        overrides=["model=lstm"],
        provenance=Provenance(
            versions={"python": "3.11.0"},
            code="0123456789ab",
            git=GitState(commit="f" * 40, dirty=False),
            platform="Linux",
            cpu="some cpu",
            cores=2,
            device="cpu",
            command="seqbench train model=lstm",
            started="2026-01-01T00:00:00Z",
            finished="2026-01-01T00:01:00Z",
            overlaps={"train/test": 3},
        ),
        cost=Cost(parameters=100, steps=7, train_seconds=1.5),
        scores=Scores(
            primary=Primary(name="accuracy", higher_is_better=True),
            best_epoch=2,
            validation={"accuracy": 0.5},
            test={"accuracy": 0.25, "loss": 1.0},
            per_class={"a": {"f1": 0.5}},
            per_length=[LengthBin(low=1, high=3, n=4, accuracy=0.25)],
            confusion=Confusion(labels=["a", "b"], counts=[[1, 1], [2, 0]]),
        ),
    )
