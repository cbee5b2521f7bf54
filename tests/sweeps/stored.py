"""Jobs and the records that they would leave, for tests of what is read from run folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from seqbench.config.job import Job
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import collect_provenance
from seqbench.records.record import Cost, Primary, RunError, RunRecord, Scores
from seqbench.sweeps.state import Progress

HALF = Progress(
    epoch=2,
    max_epochs=3,
    step=75,
    planned_steps=150,
    metric="accuracy",
    value=0.6123,
    seconds=41.0,
    eta_seconds=65.3,
)


def make_job(outputs: Path, *, model: str = "lstm", seed: int = 0, **config: Any) -> Job:
    """A job of the study `some`, named by its model, `width` and seed."""
    width = config.pop("width", 8)
    run_id = f"docstrings-{model}-s{seed}-{width:08x}"
    plain = {
        "run_id": run_id,
        "study": "some",
        "seed": seed,
        "force": False,
        "paths": {"outputs": str(outputs)},
        "model": {"_target_": f"models.{model}", "width": width},
        "trainer": {"max_epochs": 3, "log_every": 50},
        "choices": {"data": "docstrings", "model": model},
    }
    return Job(run_id=run_id, study="some", seed=seed, config={**plain, **config})


def store(
    job: Job,
    status: str = "completed",
    *,
    seconds: tuple[float | None, float | None, float | None] = (1.0, 10.0, 0.5),
    score: float | None = 0.5,
    error: RunError | None = None,
    finished: str = "2026-01-01T00:01:00Z",
    **provenance: Any,
) -> RunFolder:
    """Writes a record of this job, made by this code; `seconds` are of set-up, training, test."""
    setup, train, test = seconds
    made = replace(
        collect_provenance(job.config, command=["seqbench"]), finished=finished, **provenance
    )
    primary = Primary(name="accuracy", higher_is_better=True)
    record = RunRecord.of(
        job.config,
        job.overrides,
        status=status,
        error=error,
        provenance=made,
        cost=Cost(setup_seconds=setup, train_seconds=train, test_seconds=test),
        scores=Scores(primary=primary, test={"loss": 1.0, "accuracy": score})
        if status == "completed"
        else None,
    )
    folder = RunFolder(job.folder)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_record(record)
    return folder
