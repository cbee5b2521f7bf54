"""Stops and kills in the middle of a training, and what is left of a run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench.config.job import Job
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.records.record import INTERRUPTED, RunError, RunRecord
from seqbench.tasks.task import Task
from seqbench.training.execute import execute
from seqbench.training.training_files import best_checkpoint


@contextmanager
def at(hook: str, number: int, do: Callable[[], None]) -> Iterator[list[int]]:
    """Has something happen at the n-th call of a hook of the task; yields the calls so far."""
    calls = [0]
    original = getattr(Task, hook)

    def counted(self: Task, *arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == number:
            do()
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, hook, counted)
        yield calls


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def record_of(folder: Path) -> RunRecord:
    """The record in a run folder, which has one."""
    record = RunFolder(folder).read_record()
    assert record is not None
    return record


def steps_of(job: Job) -> tuple[RunRecord, int]:
    """The record of the job, and how many batches it was trained on now."""
    with at("training_step", 0, terminate) as calls:
        return execute(job).record, calls[0]


def stopped(job: Job, hook: str, number: int) -> None:
    """A try of the job that is told to stop at that place."""
    with at(hook, number, terminate), pytest.raises(KeyboardInterrupt):
        execute(job)
    record = record_of(job.folder)
    assert (record.status, record.error) == (
        INTERRUPTED,
        RunError(type="SIGTERM", message="told to stop by SIGTERM"),
    )


def killed(job: Job, number: int) -> bool:
    """Whether a process of its own was killed at that training step before it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            with at("training_step", number, kill):
                execute(job)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def result(folder: RunFolder) -> dict[str, Any]:
    """All that a run leaves, times aside."""
    record = record_of(folder.path)
    timeless = {
        name: None
        for name in ("train_seconds", "setup_seconds", "test_seconds", "tokens_per_second",
                     "peak_memory_bytes")
    }  # fmt: skip
    weights = torch.load(best_checkpoint(folder), weights_only=True)["state_dict"]
    return {
        "status": record.status,
        "scores": record.scores,
        "cost": replace(record.cost, **timeless),
        "weights": {name: weight.tolist() for name, weight in weights.items()},
        "history": [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in read_metrics(folder.metrics)
        ],
        "predictions": [
            path.read_bytes() for path in (folder.predictions, folder.token_losses) if path.exists()
        ],
    }
