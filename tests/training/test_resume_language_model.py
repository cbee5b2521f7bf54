"""A language model that is stopped between two windows goes on with the state it carried."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.rarely import rarely
from tests.training.stopping import at, killed, result, steps_of, stopped, terminate

from seqbench.config.compose import compose_job
from seqbench.config.job import Job
from seqbench.records.folder import RunFolder
from seqbench.tasks.language_modeling import LanguageModeling
from seqbench.training.checkpoint_file import read_checkpoint
from seqbench.training.execute import execute
from seqbench.training.resume import STATE
from seqbench.training.training_files import last_checkpoint

TWO_LAYERS = ["model.num_layers=2", "model.dropout=0.2", "task.locked_dropout=0.2"]
VARIANTS = {
    "lstm": [*TWO_LAYERS, "trainer.accumulate=2", "trainer.evals_per_epoch=2"],
    "gru": ["model=gru", "scheduler=plateau", "task.tied=true", "data.num_workers=1"],
    "cnn_lstm": ["model=causal_cnn_lstm", "model.channels=4", "data.rotate=false"],
    "transformer": [
        "model=causal_transformer", "~model.d_hidden", "model.d_model=8", "model.num_heads=2",
        "task.stride=5",
    ],
}  # fmt: skip
FIRST, *OTHERS = VARIANTS


@pytest.fixture
def make(tiny_text: list[str], tmp_path: Path) -> Callable[..., Job]:
    """Composes a job of 43 small batches an epoch, each in a folder of its own."""

    def job(name: str, *overrides: str) -> Job:
        return compose_job([*tiny_text, *overrides, f"paths.outputs={tmp_path / name}"])

    return job


@pytest.mark.parametrize("variant", [FIRST, *rarely(*OTHERS)])
def test_stopped_anywhere_it_ends_as_if_it_never_was(variant: str, make: Any) -> None:
    overrides = VARIANTS[variant]
    whole = make("whole", *overrides)
    _, total = steps_of(whole)
    expected = result(RunFolder(whole.folder))
    assert expected["predictions"]
    rng = random.Random(variant)
    places = [("training_step", step) for step in (1, *rng.sample(range(2, total), 2), total // 2)]
    for number, (hook, call) in enumerate([*places, ("on_validation_end", 1)]):
        job = make(f"stopped-{number}", *overrides)
        stopped(job, hook, call)
        _, steps = steps_of(job)
        assert steps < total
        assert result(RunFolder(job.folder)) == expected, (hook, call)


def test_killed_again_and_again_it_ends_as_if_it_never_was(make: Any) -> None:
    overrides = ["trainer.checkpoint_every=1e-9", *TWO_LAYERS]
    whole, job = make("whole", *overrides), make("killed", *overrides)
    execute(whole)
    tries = 0
    while killed(job, number=31):
        tries += 1
    assert tries >= 2
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_two_processes_stop_together_and_go_on(make: Any) -> None:
    def terminate_one() -> None:
        if os.environ.get("RANK") == "1":
            terminate()

    two = ["trainer.devices=2", "trainer.max_epochs=1"]
    whole, job = make("whole", *two), make("stopped", *two)
    execute(whole)
    with at("training_step", 5, terminate_one), pytest.raises(KeyboardInterrupt):
        execute(job)
    execute(job)
    assert result(RunFolder(job.folder)) == result(RunFolder(whole.folder))


def test_the_carried_state_is_in_the_checkpoint_and_matters(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, job = make("whole"), make("stopped")
    execute(whole)
    stopped(job, "training_step", 9)
    (mine,) = read_checkpoint(last_checkpoint(RunFolder(job.folder)))[STATE]["ranks"]
    hidden, cell = mine["task"]["carried"]
    assert hidden.shape == cell.shape == (8, 5)
    assert hidden.any()
    load = LanguageModeling.load_training_state

    def forgetful(self: LanguageModeling, state: dict[str, Any]) -> None:
        load(self, state | {"carried": [torch.zeros_like(part) for part in state["carried"]]})

    monkeypatch.setattr(LanguageModeling, "load_training_state", forgetful)
    execute(job)
    assert result(RunFolder(job.folder)) != result(RunFolder(whole.folder))
