"""From a resolved config to a dataset and a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.batch import DataSpec
from seqbench.config.instantiate import instantiate
from seqbench.data.datamodule import SeqDataModule
from seqbench.tasks.task import Task
from seqbench.training.trainer import TrainerSettings


def build_data(config: Mapping[str, Any]) -> SeqDataModule:
    """The dataset of a config, not yet set up."""
    paths = config["paths"]
    datamodule: SeqDataModule = instantiate(
        config["data"],
        "data",
        tokenizer=instantiate(config["tokenizer"], "tokenizer"),
        seed=config["seed"],
        cache_dir=paths["cache"],
        datasets_dir=paths["datasets"],
    )
    return datamodule


def set_up_data(config: Mapping[str, Any]) -> SeqDataModule:
    """The dataset of a config, its splits ready.

    Raises:
        DataError: the data is missing or unreadable.
    """
    datamodule = build_data(config)
    datamodule.setup()
    return datamodule


def build_task(config: Mapping[str, Any], spec: DataSpec) -> Task:
    """The LightningModule of a config for such data; seed torch before, for the same weights."""
    inputs = instantiate(config["inputs"], "inputs", vocab_size=spec.vocab_size, pad_id=spec.pad_id)
    encoder = instantiate(config["model"], "model", d_input=inputs.d_output)
    if config["trainer"].get("compile", TrainerSettings.compile):
        encoder.compile()  # in place: the names of the weights stay as they are
    task: Task = instantiate(
        config["task"],
        "task",
        inputs=inputs,
        encoder=encoder,
        spec=spec,
        optimizer=instantiate(config["optimizer"], "optimizer"),
        scheduler=instantiate(config["scheduler"], "scheduler"),
    )
    return task
