"""Every shipped option composes and takes one training step, to a complete record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.config.compose import compose_job
from seqbench.config.instantiate import instantiate
from seqbench.config.locations import configs_root
from seqbench.records.record import RunRecord
from seqbench.training.execute import execute

CONF = configs_root() / "conf"
ONE_STEP = ["trainer.max_steps=1", "trainer.limit_eval_batches=1", "trainer.accelerator=cpu"]
FOR_TEXT = {
    ("model", "baseline/unigram"), ("model", "baseline/kneser_ney"), ("model", "causal_cnn"),
    ("model", "causal_cnn_lstm"), ("model", "causal_transformer"), ("task", "language_modeling"),
}  # fmt: skip
IN_PROCESS = ["trainer.devices=1"]  # what more processes do is in tests/training


def options(group: str) -> list[str]:
    files = sorted((CONF / group).rglob("*.yaml"))
    return [file.relative_to(CONF / group).with_suffix("").as_posix() for file in files]


@pytest.fixture
def step(tiny: list[str], tmp_path: Path) -> Callable[..., RunRecord]:
    """Trains one step on the reviews with an option as it is shipped; gives the record."""
    files = [item for item in tiny if item.startswith("data") or item.startswith("paths")]

    def take(*overrides: str, data: bool = True) -> RunRecord:
        job = compose_job(
            [
                *(files if data else []), "logger=none", "callbacks=none", *overrides,
                *ONE_STEP, f"paths.outputs={tmp_path / 'out'}",
            ]
        )  # fmt: skip
        record = execute(job).record
        assert record.status == "completed"
        assert record.scores.primary is not None
        assert record.scores.test[record.scores.primary.name] is not None
        assert record.cost.steps in (1, None)
        return record

    return take


@pytest.mark.parametrize("option", options("data"))
def test_data(
    option: str,
    step: Callable[..., RunRecord],
    mirror_dir: Path,
    made_up_docstrings: None,
    text_file: list[str],
) -> None:
    if option == "text_classification":
        step()
        return
    if option == "text_file":
        step(*text_file, data=False)
        return
    record = step(f"data={option}", f"paths.datasets={mirror_dir}", data=False)
    assert record.provenance.data_fingerprint


@pytest.mark.parametrize(
    ("group", "option"),
    [
        (group, option)
        for group in ("tokenizer", "inputs", "model", "task", "optimizer", "scheduler")
        for option in options(group)
    ],
)
def test_parts(
    group: str, option: str, step: Callable[..., RunRecord], text_file: list[str]
) -> None:
    if (group, option) in FOR_TEXT:
        model = [] if group == "model" else ["model.d_hidden=8"]
        record = step(*text_file, *model, f"{group}={option}", data=False)
    else:
        record = step(f"{group}={option}")
    assert record.config["choices"][group] == option


@pytest.mark.parametrize("group", ["callbacks", "logger", "paths", "trainer"])
def test_surroundings(group: str, step: Callable[..., RunRecord]) -> None:
    for option in options(group):
        step(f"{group}={option}", *IN_PROCESS)


@pytest.mark.parametrize("preset", options("debug"))
def test_debug_presets(preset: str, step: Callable[..., RunRecord]) -> None:
    assert step(f"debug={preset}", "trainer.max_epochs=1").study == "debug"


@pytest.mark.parametrize(
    "name", [file.stem for file in sorted((configs_root() / "experiments").glob("*.yaml"))]
)
def test_experiments(
    name: str, step: Callable[..., RunRecord], mirror_dir: Path, made_up_docstrings: None
) -> None:
    overrides = [f"experiments={name}", "logger=none", f"paths.datasets={mirror_dir}"]
    assert step(*overrides, data=False).study == name


def test_data_parallel_composes_to_two_processes() -> None:
    settings = instantiate(
        compose_job(["trainer=ddp", "trainer.accelerator=cpu"]).config["trainer"]
    )
    trainer = settings.build(logger=[], callbacks=[])
    assert trainer.num_devices == 2
