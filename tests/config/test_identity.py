"""The run id: everything that can change a result changes it, nothing else does."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from seqbench.config.compose import compose_job
from seqbench.config.identity import fingerprint, run_id
from seqbench.records.identity import EXCLUDED

CONFIG: dict[str, Any] = {
    "data": {"_target_": "seqbench.data.X", "batch_size": 32, "num_workers": 0},
    "model": {"_target_": "seqbench.models.lstm.LSTM", "d_hidden": 8},
    "trainer": {
        "threads": 1, "devices": 1, "precision": "32-true", "log_every": 50, "profiler": None,
        "checkpoint_every": 30.0,
    },
    "callbacks": {"progress": {"refresh": 1}, "early_stopping": {"patience": 3}},
    "logger": {"wandb": None},
    "paths": {"outputs": "outputs"},
    "seed": 3, "study": "default", "question": None, "claims": [], "tags": [], "force": False,
    "choices": {"data": "imdb"}, "run_id": "?", "search": None,
}  # fmt: skip
CHOICES = {"data": "imdb", "model": "lstm"}


def changed(path: str, value: object) -> dict[str, Any]:
    """CONFIG with one value replaced."""
    config = copy.deepcopy(CONFIG)
    node = config
    *parents, leaf = path.split(".")
    for key in parents:
        node = node[key]
    assert leaf in node
    node[leaf] = value
    return config


def test_the_form_of_a_run_id() -> None:
    assert re.fullmatch(r"imdb-lstm-s3-[0-9a-f]{8}", run_id(CONFIG, CHOICES))


def test_the_hash_is_stable_between_versions() -> None:
    assert fingerprint({"seed": 0, "model": {"lr": 1e-05}}) == "e48c0e8e"


@pytest.mark.parametrize("path", EXCLUDED)
def test_keys_that_cannot_change_a_result_do_not_count(path: str) -> None:
    assert run_id(changed(path, "other"), CHOICES) == run_id(CONFIG, CHOICES)


@pytest.mark.parametrize(
    "path",
    [
        "seed", "model.d_hidden", "model._target_", "data.batch_size", "trainer.threads",
        "trainer.devices", "trainer.precision", "callbacks.early_stopping",
    ],
)  # fmt: skip
def test_keys_that_can_change_a_result_count(path: str) -> None:
    assert fingerprint(changed(path, 99)) != fingerprint(CONFIG)


def test_the_order_of_keys_does_not_count() -> None:
    assert fingerprint(dict(reversed(CONFIG.items()))) == fingerprint(CONFIG)


def test_an_integer_and_a_float_of_one_value_are_two_runs() -> None:
    assert fingerprint(changed("model.d_hidden", 8.0)) != fingerprint(CONFIG)


@pytest.mark.parametrize(
    ("target", "choice", "name"),
    [
        ("seqbench.baselines.majority.Majority", "baseline/majority", "majority"),
        ("seqbench.models.cnn_lstm.CNNLSTM", "cnn_lstm", "cnn_lstm"),
        ("mine.MyEncoder", "lstm", "my_encoder"),
        ("mine.deep.LSTMWithHTTPGate2", None, "lstm_with_http_gate2"),
        ("mine.net", None, "net"),
    ],
)
def test_what_a_model_is_called(target: str, choice: str | None, name: str) -> None:
    config = changed("model", {"_target_": target})
    assert run_id(config, {"data": "imdb", "model": choice}).split("-")[1] == name


def test_the_same_overrides_are_the_same_run(toy_dir: Path, toy: list[str]) -> None:
    ids = {
        compose_job([*toy, *more], config_dirs=[toy_dir]).run_id
        for more in ([], ["study=x"], ["logger=none"], ["paths.outputs=/x"], ["optimizer.lr=0.001"])
    }
    assert len(ids) == 1


BUDGET = {"params": None, "embeddings": "included", "flops": None, "seconds": None}


def test_without_a_budget_a_run_is_called_as_before_there_were_any() -> None:
    assert fingerprint(CONFIG | {"budget": BUDGET}) == fingerprint(CONFIG)


@pytest.mark.parametrize(
    "asked",
    [
        {"params": 9}, {"flops": 9.0}, {"seconds": 9.0}, {"params": 9, "embeddings": "excluded"},
    ],
)  # fmt: skip
def test_a_budget_counts(asked: dict[str, Any]) -> None:
    found = {fingerprint(CONFIG | {"budget": BUDGET | each}) for each in ({}, {"params": 8}, asked)}
    assert len(found) == 3
