"""A small job to execute, and trouble in the middle of its training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.config.compose import compose_job
from seqbench.config.job import Job
from seqbench.tasks.classification import Classification

MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(tiny: list[str], tmp_path: Path) -> MakeJob:
    """Composes a small job with its outputs in the test's own folder."""

    def make(*overrides: str) -> Job:
        return compose_job([*tiny, f"paths.outputs={tmp_path / 'out'}", *overrides])

    return make


@pytest.fixture
def make(make_job: MakeJob, tmp_path: Path) -> MakeJob:
    """Composes a job of ten small batches an epoch, each in a folder of its own."""

    def job(name: str, *overrides: str) -> Job:
        small = ["data.batch_size=4", "trainer.max_epochs=3"]
        return make_job(*small, *overrides, f"paths.outputs={tmp_path / name}")

    return job


@pytest.fixture
def in_third_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Has something happen in every third training step."""
    step = Classification.training_step

    def arrange(happening: Callable[[], None]) -> None:
        def with_trouble(self: Classification, batch: object, batch_idx: int) -> object:
            if batch_idx == 2:
                happening()
            return step(self, batch, batch_idx)  # type: ignore[arg-type]

        monkeypatch.setattr(Classification, "training_step", with_trouble)

    return arrange
