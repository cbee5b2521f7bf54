"""The same command with the same seed: the same bits. Another seed: others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.records.predictions import Predictions, read_predictions
from seqbench.training.execute import execute

Result = tuple[list[dict[str, Any]], Any, Predictions]


def result(folder: Path) -> Result:
    """A run's history without times, its scores, and its predictions."""
    rows = [
        {name: value for name, value in row.items() if name != "seconds"}
        for row in read_metrics(folder / "metrics.jsonl")
    ]
    record = RunFolder(folder).read_record()
    assert record is not None
    return rows, record.scores, read_predictions(folder / "predictions.parquet")


@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_twice_the_same_bits(model: str, tiny: list[str], make_job: Any, tmp_path: Path) -> None:
    small = {"lstm": [], "transformer": ["~model.d_hidden", "model.d_model=8", "model.num_heads=2"]}
    overrides = [f"model={model}", *small[model]]
    first, again, other = (
        make_job(*overrides, f"paths.outputs={tmp_path / name}", f"seed={seed}")
        for name, seed in (("first", 1), ("again", 1), ("first", 2))
    )
    assert first.run_id == again.run_id != other.run_id
    results = []
    for job in (first, again, other):
        torch.rand(3)  # what the process did before must not matter
        np.random.rand(3)
        execute(job)
        results.append(result(job.folder))
    assert results[0][0] == results[1][0]
    assert results[0][1] == results[1][1]
    assert np.array_equal(results[0][2].probabilities, results[1][2].probabilities)
    assert results[0][0] != results[2][0]
    assert not np.array_equal(results[0][2].probabilities, results[2][2].probabilities)


def test_an_operation_that_may_differ_each_time_is_refused_by_default(
    make_job: Any, in_third_step: Callable[[Callable[[], None]], None]
) -> None:
    in_third_step(lambda: torch.zeros(3).put_(torch.tensor([0]), torch.tensor([1.0])))
    with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
        execute(make_job())
    assert execute(make_job("trainer.deterministic=false")).record.status == "completed"
