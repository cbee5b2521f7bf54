"""What Python programs use, without the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqbench
from seqbench.errors import ConfigError, ConfigErrors, DataError, RecordError
from seqbench.records.folder import RunFolder


@pytest.fixture
def reviewed(tiny: list[str]) -> dict[str, Any]:
    """Arguments of `build` for the reviews."""
    return {"data": "text_classification", "overrides": [o for o in tiny if o[:5] != "data="]}


def test_importing_it_is_light() -> None:
    heavy = "{'torch', 'pytorch_lightning', 'wandb', 'hydra', 'pandas', 'numpy', 'datasets'}"
    code = f"import sys, seqbench; assert not {heavy} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_built_task_can_be_trained_with_a_trainer_of_ones_own(
    reviewed: dict[str, Any], tmp_path: Path
) -> None:
    import pytorch_lightning as pl

    task, datamodule = seqbench.build(model="gru", **reviewed)
    assert isinstance(task, pl.LightningModule)
    assert isinstance(datamodule, pl.LightningDataModule)
    assert type(task.encoder).__name__ == "GRU"
    assert datamodule.spec.label_names == ("bad", "good")
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_checkpointing=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(task, datamodule=datamodule)
    assert trainer.global_step == 5
    assert float(trainer.callback_metrics["validation/accuracy"]) >= 0
    trainer.test(task, datamodule=datamodule, verbose=False)
    assert task.gathered_predictions()["probabilities"].shape == (13, 2)


def test_equal_seeds_build_equal_weights(reviewed: dict[str, Any]) -> None:
    def first_weights(seed: int) -> torch.Tensor:
        overrides = [*reviewed["overrides"], f"seed={seed}"]
        task, _ = seqbench.build(data=reviewed["data"], overrides=overrides)
        return torch.cat([p.flatten() for p in task.parameters()])

    assert torch.equal(first_weights(0), first_weights(0))
    assert not torch.equal(first_weights(0), first_weights(1))


def test_mistakes_are_all_told() -> None:
    with pytest.raises(ConfigErrors) as caught:
        seqbench.build(model="gru", data="text_classification", overrides=["modle.d_hidden=3"])
    assert {error.name for error in caught.value.errors} == {"modle.d_hidden", "data.files.train"}


def test_a_baseline_is_no_lightning_module(tiny: list[str]) -> None:
    overrides = [o for o in tiny if not o.startswith(("data=", "model."))]
    with pytest.raises(ConfigError, match=r"model: expected a network, got baseline/majority"):
        seqbench.build(model="baseline/majority", data="text_classification", overrides=overrides)


def test_data_that_is_missing(tiny: list[str]) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: expected a file"):
        seqbench.build(data="text_classification", overrides=["data.files.train=nowhere.csv"])


def test_a_users_own_configs(reviewed: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("defaults: [lstm, _self_]\nnum_layers: 2\n")
    task, _ = seqbench.build(model="mine", config_dirs=[tmp_path], **reviewed)
    assert len(task.encoder.forward_layers) == 2


@pytest.mark.parametrize("name", ["network_run", "baseline_run"])
def test_a_run_is_loaded(name: str, request: pytest.FixtureRequest) -> None:
    run = seqbench.load_run(request.getfixturevalue(name))
    probabilities = run.probabilities(["a fine film", "a grim plot"])
    assert probabilities.shape == (2, 2)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert run.label_names == ("bad", "good")
    if name == "network_run":
        assert isinstance(run.model, torch.nn.Module)
        assert not run.model.training


def test_records_are_a_table(network_run: Path, baseline_run: Path) -> None:
    table = seqbench.load_records([network_run.parent, str(baseline_run)])
    assert len(table) == 2
    assert set(table["model"]) == {"lstm", "tfidf_regression"}
    row = table.set_index("run_id").loc[network_run.name]
    record = RunFolder(network_run).read_record()
    assert record is not None
    assert row["test/accuracy"] == record.scores.test["accuracy"]
    assert row["parameters"] == record.cost.parameters


def test_records_that_are_not_there() -> None:
    with pytest.raises(RecordError, match=r"nowhere"):
        seqbench.load_records("nowhere")
