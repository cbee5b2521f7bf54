"""From a resolved config to a dataset and a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.batch import DataSpec
from seqbench.config.instantiate import instantiate
from seqbench.config.schema import BudgetKeys
from seqbench.config.signatures import located
from seqbench.data.datamodule import SeqDataModule
from seqbench.errors import ConfigError
from seqbench.tasks.task import Task
from seqbench.training.trainer import TrainerSettings
from seqbench.training.widths import (
    buildable_widths,
    num_parameters,
    solved_widths,
    without_weights,
)


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


def budget_widths(config: Mapping[str, Any], spec: DataSpec) -> dict[str, int]:
    """The model's arguments that a budget of parameters solves for; none without such a budget.

    Args:
        config: the run's.
        spec: of its data.

    Raises:
        ConfigError: no width of the model meets the budget.
    """
    budget, model = BudgetKeys.of(config), config["model"]
    if budget.params is None:
        return {}
    arguments = {key: value for key, value in model.items() if not key.startswith("_")}
    begun = buildable_widths(located(model["_target_"]), arguments)
    own = without_weights(lambda: _task(config, spec, begun))
    embeddings, excluded = num_parameters(own.inputs), budget.embeddings == "excluded"
    if not excluded and embeddings >= budget.params:
        raise ConfigError(
            "budget.params",
            expected=f"more than the {embeddings:,} of the input embeddings alone",
            got=f"{budget.params:,}",
            remedy="raise it, set budget.embeddings=excluded, or lower inputs.d_embed",
        )

    def size(widths: Mapping[str, int]) -> int:
        task = without_weights(lambda: _task(config, spec, widths, like=own))
        return num_parameters(task) - embeddings * excluded

    return solved_widths(type(own.encoder), arguments, size, params=budget.params)


def build_task(
    config: Mapping[str, Any], spec: DataSpec, *, widths: Mapping[str, int] | None = None
) -> Task:
    """The LightningModule of a config for such data; seed torch before, for the same weights.

    Args:
        config: resolved.
        spec: of the data.
        widths: the model's arguments in place of the config's; None solves for what its budget
            says.

    Raises:
        ConfigError: the parts do not fit, or the budget cannot be met.
    """
    task = _task(config, spec, budget_widths(config, spec) if widths is None else widths)
    if config["trainer"].get("compile", TrainerSettings.compile):
        task.encoder.compile()  # in place: the names of the weights stay as they are
    return task


def _task(
    config: Mapping[str, Any],
    spec: DataSpec,
    widths: Mapping[str, int],
    *,
    like: Task | None = None,
) -> Task:
    """The task, its model's arguments replaced by `widths`; all but the model is of `like`."""
    if like is None:
        inputs = instantiate(
            config["inputs"], "inputs", vocab_size=spec.vocab_size, pad_id=spec.pad_id
        )
        optimizer = instantiate(config["optimizer"], "optimizer")
        scheduler = instantiate(config["scheduler"], "scheduler")
    else:
        inputs, optimizer = like.inputs, like.optimizer_settings
        scheduler = like.scheduler_settings
    task: Task = instantiate(
        config["task"],
        "task",
        inputs=inputs,
        encoder=instantiate({**config["model"], **widths}, "model", d_input=inputs.d_output),
        spec=spec,
        optimizer=optimizer,
        scheduler=scheduler,
    )
    return task
