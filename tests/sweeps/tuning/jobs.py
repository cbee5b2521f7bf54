"""What the trials of test searches execute: a known function in place of a training.

Its optimum is at lr = 10^-2.5 and d_hidden = 40, with the value 1.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.records.provenance import collect_provenance, utc_now
from seqbench.records.record import COMPLETED, PRUNED, Cost, Primary, RunRecord, Scores

SPACE = ["optimizer.lr=tag(log, interval(1e-4, 1e-1))", "model.d_hidden=int(interval(8, 128))"]
EPOCHS = 9
PRIMARY = Primary(name="accuracy", higher_is_better=True)


def score_of(job: Job) -> float:
    """The known function."""
    rate, width = job.config["optimizer"]["lr"], _width(job)
    return 1.0 - (math.log10(rate) + 2.5) ** 2 / 4 - ((width - 40) / 100) ** 2


def _width(job: Job) -> int:
    width: int = job.config["model"].get("d_hidden", 40)
    return width


def record_of(job: Job, status: str = COMPLETED, **validation: float | None) -> RunRecord:
    """What a run of the job would have on record."""
    scores = {"accuracy": score_of(job), "loss": 1 - score_of(job), **validation}
    provenance = replace(collect_provenance(job.config, command=["seqbench"]), finished=utc_now())
    provenance = replace(provenance, data_fingerprint=os.environ.get("TEST_DATA", "then"))
    if code := os.environ.get("TEST_CODE"):
        provenance = replace(provenance, code=code)
    return RunRecord.of(
        job.config,
        job.overrides,
        status=status,
        provenance=provenance,
        cost=Cost(parameters=_width(job) ** 2, train_seconds=1.0),
        scores=Scores(
            primary=PRIMARY,
            validation=scores,
            test={} if status == PRUNED else {"accuracy": score_of(job) + job.seed / 1000},
        ),
    )


def done(record: RunRecord) -> Any:
    """What executing a job gives back."""
    return SimpleNamespace(record=record, was_complete=False, stale=())


def known(job: Job) -> Any:
    """Writes the record at once; each execution leaves a line."""
    folder = RunFolder(job.folder)
    with folder.claim():
        found = folder.read_record()
        if found is not None and found.status == COMPLETED:
            is_same = found.provenance.data_fingerprint == os.environ.get("TEST_DATA", "then")
            stale = () if is_same else ("data",)
            return SimpleNamespace(record=found, was_complete=True, stale=stale)
        record = record_of(job)
        folder.write_record(record)
        _executed(job)
    return done(record)


def again(job: Job) -> Any:
    """As `known`, but a record that is there stays only where the job does not mind it."""
    if job.config["force"]:
        RunFolder(job.folder).record.unlink(missing_ok=True)
    return known(job)


def slowly(job: Job) -> Any:
    """As `known`, after a moment in which a sweep can be killed."""
    time.sleep(0.15)
    return known(job)


def in_trouble(job: Job) -> Any:
    """Wide ones raise, narrow ones have no finite value, those between are as they should be."""
    width = job.config["model"]["d_hidden"]
    if width >= 80:
        raise TrainingError("loss", expected="a finite number", got="nan")
    record = record_of(job, **({"accuracy": None} if width <= 24 else {}))
    with RunFolder(job.folder).claim():
        RunFolder(job.folder).write_record(record)
    return done(record)


def never_a_number(job: Job) -> Any:
    """Its one validation is NaN, and it is given up for it."""
    folder = RunFolder(job.folder)
    with folder.claim():
        with MetricsWriter(folder.metrics) as writer:
            row = {"validation/accuracy": math.nan}
            writer.write(step=1, epoch=0, seconds=0, tokens=0, values=row)
        record = replace(record_of(job, PRUNED), scores=Scores(primary=PRIMARY))
        folder.write_record(record)
    return done(record)


def by_epochs(job: Job) -> Any:
    """Validates epoch by epoch, and ends early when told to; the worse is worse from the start."""
    folder = RunFolder(job.folder)
    with folder.claim():
        folder.clear()
        status = COMPLETED
        with MetricsWriter(folder.metrics) as writer:
            for epoch in range(EPOCHS):
                value = score_of(job) - 0.1 / (epoch + 1)
                row = {"validation/accuracy": value, "validation/loss": 1 - value}
                writer.write(step=epoch + 1, epoch=epoch, seconds=epoch, tokens=0, values=row)
                _wait(folder)
                if folder.prune.exists():
                    status = PRUNED
                    break
        record = record_of(job, status)
        folder.write_record(record)
    return done(record)


def _wait(folder: RunFolder) -> None:
    """As long as an epoch takes: some looks of the sweeper."""
    deadline = time.monotonic() + float(os.environ.get("TEST_EPOCH_SECONDS", "0.1"))
    while time.monotonic() < deadline and not folder.prune.exists():
        time.sleep(0.01)


def _executed(job: Job) -> None:
    descriptor = os.open(job.folder.parent / "executed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{job.run_id}\n".encode())
    os.close(descriptor)


def executed(study: Path) -> list[str]:
    """The runs that were executed, in order."""
    path = study / "executed"
    return path.read_text().split() if path.exists() else []


def study(folder: Path) -> dict[str, Any]:
    """`study.json`."""
    found: dict[str, Any] = json.loads((folder / "study.json").read_text())
    return found
