"""Every architecture at every task, on one device and two: killed and resumed = never stopped."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.finished import assert_same, finished, left_over
from tests.e2e.tries import ended, killed_at
from tests.tally import CELLS, KILLS

from seqbench.config.compose import compose_job
from seqbench.config.job import Job
from seqbench.config.locations import configs_root
from seqbench.records.folder import RunFolder

RECURRENT = ["model.d_hidden=5", "model.num_layers=2", "model.dropout=0.2"]
CNN = ["~model.d_hidden", "model.channels=4", "model.kernel_sizes=[2,3]", "model.dropout=0.2"]
CNN_LSTM = ["model.d_hidden=5", "model.channels=4", "model.dropout=0.2"]
TRANSFORMER = [
    "~model.d_hidden", "model.d_model=8", "model.num_heads=2", "model.d_feedforward=8",
    "model.dropout=0.2",
]  # fmt: skip
SMALL = {
    "bow": ["~model.d_hidden"],
    "mlp": ["model.d_hidden=5", "model.dropout=0.2"],
    "rnn": RECURRENT,
    "lstm": RECURRENT,
    "gru": RECURRENT,
    "peephole_lstm": RECURRENT,
    "cnn": CNN,
    "causal_cnn": CNN,
    "cnn_lstm": CNN_LSTM,
    "causal_cnn_lstm": CNN_LSTM,
    "transformer": TRANSFORMER,
    "causal_transformer": TRANSFORMER,
}
TASKS = {
    "classification": [model for model in SMALL if model != "causal_cnn_lstm"],
    "language_modeling": [
        "rnn", "lstm", "gru", "peephole_lstm", "causal_cnn", "causal_cnn_lstm",
        "causal_transformer",
    ],
}  # fmt: skip
STEPS = {"classification": 20, "language_modeling": 43}
EVERYTHING_ON = [
    "trainer.accumulate=2", "trainer.clip_norm=0.3", "trainer.evals_per_epoch=2",
    "scheduler=cosine", "trainer.checkpoint_every=1e-9",
]  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One field of the matrix."""

    model: str
    task: str
    devices: int

    def __str__(self) -> str:
        return f"{self.model}-{self.task}-{self.devices}"


EVERY = [
    Cell(model, task, devices) for task in TASKS for model in TASKS[task] for devices in (1, 2)
]
FEW = {  # every family, both tasks, both numbers of devices
    Cell("peephole_lstm", "classification", 1),
    Cell("cnn_lstm", "classification", 2),
    Cell("gru", "language_modeling", 2),
    Cell("causal_transformer", "language_modeling", 1),
}


@pytest.fixture
def make(tiny: list[str], tiny_text: list[str], tmp_path: Path) -> Callable[[Cell, str], Job]:
    """Composes the job of a field, with a folder of its own."""
    of_task = {
        "classification": [*tiny, "data.batch_size=4"],
        "language_modeling": [*tiny_text, "trainer.max_epochs=1"],
    }

    def job(cell: Cell, name: str) -> Job:
        return compose_job(
            [
                *of_task[cell.task], *EVERYTHING_ON, f"model={cell.model}", *SMALL[cell.model],
                f"trainer.devices={cell.devices}", f"paths.outputs={tmp_path / name}",
            ]
        )  # fmt: skip

    return job


def test_no_architecture_is_missing() -> None:
    shipped = {path.stem for path in (configs_root() / "conf" / "model").glob("*.yaml")}
    assert set(SMALL) == shipped
    assert set(EVERY) > FEW


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, id=str(cell)) for cell in EVERY if cell in FEW]
    + [
        pytest.param(cell, id=str(cell), marks=pytest.mark.full)
        for cell in EVERY
        if cell not in FEW
    ],
)
def test_killed_and_resumed_it_is_as_if_it_never_was(
    cell: Cell, make: Any, tally: Counter[str]
) -> None:
    whole, job = make(cell, "whole"), make(cell, "killed")
    ended(whole)
    expected = finished(whole.folder)
    assert expected is not None and len(expected["predictions"]) == 1
    rng = random.Random(str(cell))
    half = STEPS[cell.task] // 2
    for step in (rng.randint(2, half), rng.randint(2, half - 1)):  # the second one goes on
        assert killed_at(job, "training_step", step, rank=rng.randrange(cell.devices))
        tally[KILLS] += 1
    ended(job)
    tally[CELLS] += 1
    assert_same(finished(job.folder), expected, tally)
    assert "going on from step" in RunFolder(job.folder).log.read_text()
    assert left_over(RunFolder(job.folder)) == []
