"""A language model's run in every precision, with its texts; and without, where they fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.config.compose import compose_job
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunRecord
from seqbench.records.token_losses import read_token_losses
from seqbench.training.execute import execute
from seqbench.training.kinds.language_modeling import LanguageModelingKind

SHORT = ["trainer.max_steps=3", "trainer.limit_eval_batches=1", "task.sample_texts=1"]
MODELS = {
    "lstm": [],
    "cnn": ["model=causal_cnn", "~model.d_hidden", "model.channels=4"],
    "cnn_lstm": ["model=causal_cnn_lstm", "model.channels=4"],
    "transformer": [
        "model=causal_transformer", "~model.d_hidden", "model.d_model=8", "model.num_heads=2",
    ],
    "peephole_lstm one_hot": ["model=peephole_lstm", "inputs=one_hot", "~inputs.d_embed"],
    "lstm cutoffs": ["task.cutoffs=[5]"],
}  # fmt: skip


def completed(overrides: list[str], outputs: Path) -> tuple[RunFolder, RunRecord]:
    job = compose_job([*overrides, f"paths.outputs={outputs}"])
    record = execute(job).record
    assert record.status == "completed"
    return RunFolder(job.folder), record


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "64-true"])
@pytest.mark.parametrize("model", MODELS)
def test_a_run_in_every_precision_ends_with_its_texts(
    model: str, precision: str, tiny_text: list[str], tmp_path: Path
) -> None:
    overrides = [*tiny_text, *SHORT, *MODELS[model], f"trainer.precision={precision}"]
    folder, record = completed(overrides, tmp_path)
    assert [len(each.texts) for each in record.scores.samples] == [1, 1, 1, 1]
    losses = read_token_losses(folder.token_losses).losses
    loss = record.scores.test["loss"]
    assert loss == pytest.approx(np.mean(losses, dtype=np.float64), rel=1e-12)
    assert 1 < loss < 6
    assert "WARNING seqbench" not in folder.log.read_text()


@pytest.mark.parametrize("model", [[], ["model=baseline/unigram", "~model.d_hidden"]])
def test_a_run_whose_texts_fail_has_its_scores(
    model: list[str], tiny_text: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Any, *_: Any) -> Any:
        raise RuntimeError("no such kernel\nand more")

    monkeypatch.setattr(LanguageModelingKind, "samples", fails)
    folder, record = completed([*tiny_text, *SHORT, *model], tmp_path)
    assert record.scores.samples == []
    assert record.scores.test["loss"] > 0
    assert (
        "no texts could be drawn, the run is complete without them: no such kernel\n"
        in folder.log.read_text()
    )
