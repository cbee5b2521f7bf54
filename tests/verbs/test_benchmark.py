"""`seqbench benchmark`: a table of speeds, the price of safety, and what it cannot measure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench.tasks.classification import Classification
from seqbench.training.benchmark import Measured
from seqbench.training.checkpoint_cost import CheckpointCost
from seqbench.verbs.benchmark import prices

Cli = Any
WAYS = [
    "bare loop", "pipeline", "pipeline with checkpoints", "pipeline, not deterministic",
    "pipeline with W&B",
]  # fmt: skip


def rows_of(printed: str) -> list[list[str]]:
    lines = [line for line in printed.splitlines() if "|" in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][2:]


def test_it_prints_a_table(cli: Cli, tiny: list[str]) -> None:
    before = torch.are_deterministic_algorithms_enabled()
    ended = cli("benchmark", *tiny, "steps=3", "warmup=1", "rounds=2")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].startswith("lstm on text_classification: 2 rounds of 3 training steps after 1")
    rows = rows_of(ended.out)
    assert [row[0] for row in rows] == WAYS
    assert rows[0][3] == "1.000"
    for row in rows:
        assert float(row[1]) > 0
        assert re.fullmatch(r"\d+\.\d{3} \d+\.\d{3}", row[4])
    assert re.fullmatch(r"trainer\.deterministic=true: [+-][\d.]+% time a step", lines[-3])
    cost = r"\d+\.\d{4} s"
    assert re.fullmatch(
        rf"a checkpoint: 0\.\d\d MB, {cost} \(median of \d, at most {cost}\); "
        r"every 30 s: \d+\.\d\d% of training time",
        lines[-2],
    )
    assert re.fullmatch(
        r"by time lost a round: -?\d+\.\d{4} s a checkpoint \(-?\d+\.\d{4} -?\d+\.\d{4}\); "
        r"every 30 s: -?\d+\.\d\d% of training time",
        lines[-1],
    )
    assert not list(Path().iterdir())
    assert torch.are_deterministic_algorithms_enabled() == before


def test_each_way_has_the_determinism_that_it_says(
    cli: Cli, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    forward = Classification.outputs

    def noting(self: Classification, batch: Any) -> Any:
        seen.append(torch.are_deterministic_algorithms_enabled())
        return forward(self, batch)

    monkeypatch.setattr(Classification, "outputs", noting)
    assert cli("benchmark", *tiny, "steps=2", "warmup=0", "rounds=1").code == 0
    assert seen[-8:] == [True, True, True, True, False, False, True, True]


def test_a_model_that_cannot_do_with_deterministic_algorithms(
    cli: Cli, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Classification.training_step

    def refusing(self: Classification, batch: Any, batch_idx: int) -> Any:
        if torch.are_deterministic_algorithms_enabled():
            raise RuntimeError("some_kernel does not have a deterministic implementation")
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Classification, "training_step", refusing)
    ended = cli(
        "benchmark", *tiny, "trainer.deterministic=false", "steps=2", "warmup=0", "rounds=2"
    )
    assert ended.code == 0
    assert [row[0] for row in rows_of(ended.out)] == [*WAYS[:3], WAYS[4]]
    assert "trainer.deterministic=true: this model has an operation that cannot" in ended.out


def test_another_error_is_not_taken_for_that(
    cli: Cli, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Classification, "training_step", broken)
    with pytest.raises(RuntimeError, match="out of luck"):
        cli("benchmark", *tiny, "steps=2", "warmup=0", "rounds=1")


def test_prices_without_an_interval_or_a_checkpoint() -> None:
    cost = CheckpointCost(num_bytes=2_500_000, seconds=[0.5], lost=[0.25], every=None)
    measured = Measured(speeds=[], determinism=0.0125, checkpoints=cost)
    never = "; trainer.checkpoint_every=null: only when told to stop"
    assert prices(measured) == [
        "trainer.deterministic=true: +1.2% time a step",
        f"a checkpoint: 2.50 MB, 0.5000 s (median of 1, at most 0.5000 s){never}",
        f"by time lost a round: 0.2500 s a checkpoint (0.2500){never}",
    ]
    assert prices(Measured(speeds=[], determinism=None, checkpoints=None))[1] == (
        "checkpoints: none was written; use more steps"
    )


def test_outputs_that_cannot_be_written_to(
    cli: Cli, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqbench.training.timed_training.tempfile.TemporaryDirectory", full)
    ended = cli("benchmark", *tiny, "steps=2", "warmup=0", "rounds=1")
    assert ended.code == 2
    assert "expected a place that can be written to, got No space left on device" in ended.err


def test_more_steps_than_there_are(cli: Cli, tiny: list[str]) -> None:
    ended = cli("benchmark", *tiny, "steps=30", "warmup=1")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "seqbench: steps: expected at most 4 beside warmup=1, got 30; "
        "the training split has no more batches in an epoch\n"
    )
