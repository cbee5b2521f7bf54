"""Every architecture meets a budget of parameters, or says why it cannot."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seqbench.batch import DataSpec
from seqbench.config.compose import compose_job
from seqbench.errors import ConfigError
from seqbench.models.encoder import Encoded, Encoder
from seqbench.models.widths import Widths
from seqbench.training.assemble import budget_widths, build_task
from seqbench.training.widths import DRIFT, num_parameters, solved_widths, without_weights

SPECS = {
    "classification": DataSpec(
        task="classification", vocab_size=6376, pad_id=0, num_classes=10,
        label_names=tuple("abcdefghij"), label_counts=(5,) * 10, max_len=64, num_examples={},
    ),
    "language_modeling": DataSpec(
        task="language_modeling", vocab_size=98, pad_id=0, max_len=64, num_examples={}
    ),
}  # fmt: skip
DATA = {"classification": "docstrings", "language_modeling": "python_reference"}
CAUSAL = {name: f"causal_{name}" for name in ("cnn", "cnn_lstm", "transformer")}
ALL = ("lstm", "gru", "cnn_lstm", "transformer", "rnn", "peephole_lstm", "cnn")
SIZES = (60_000, 500_000, 5_000_000)


def config_of(task: str, model: str, *overrides: str) -> dict[str, Any]:
    if task == "language_modeling":
        model = CAUSAL.get(model, model)
    return compose_job([f"data={DATA[task]}", f"model={model}", *overrides]).config


def asked(config: dict[str, Any], **budget: Any) -> dict[str, Any]:
    return {**config, "budget": {**config["budget"], **budget}}


def reached(config: dict[str, Any], spec: DataSpec) -> int:
    """The size of the task as it would be built, of the parameters that the budget counts."""
    widths = budget_widths(config, spec)
    task = without_weights(lambda: build_task(config, spec, widths=widths))
    left_out = config["budget"]["embeddings"] == "excluded"
    return num_parameters(task) - (num_parameters(task.inputs) if left_out else 0)


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("task", SPECS)
def test_within_one_per_cent_without_the_embeddings(task: str, model: str) -> None:
    config = config_of(task, model)
    for params in SIZES:
        budgeted = asked(config, params=params, embeddings="excluded")
        assert reached(budgeted, SPECS[task]) == pytest.approx(params, rel=0.01)


@pytest.mark.parametrize("model", ALL[:4])
@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("classification", ["task.pooling=attention", "task.class_weights=balanced"]),
        ("classification", ["model.num_layers=2", "model.bidirectional=true"]),
        ("classification", ["inputs=one_hot"]),
        ("language_modeling", ["task.tied=true"]),
        ("language_modeling", ["task.cutoffs=[20,50]"]),
        ("language_modeling", ["inputs.d_embed=48", "model.num_layers=2"]),
    ],
)
def test_within_one_per_cent_with_them(task: str, more: list[str], model: str) -> None:
    if model == "transformer":
        more = [each for each in more if "bidirectional" not in each]
    config = config_of(task, model, *more)
    for params in (1_500_000, 4_000_000):
        assert reached(asked(config, params=params), SPECS[task]) == pytest.approx(params, rel=0.01)


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "learned"])
@pytest.mark.parametrize("heads", [1, 4, 6])
def test_the_width_fits_heads_and_positions(positions: str, heads: int) -> None:
    model = [f"model.num_heads={heads}", f"model.positions={positions}", "model.d_model=96"]
    config = config_of("classification", "transformer", *model)
    for params in (100_000, 333_333):
        budgeted = asked(config, params=params, embeddings="excluded")
        widths = budget_widths(budgeted, SPECS["classification"])
        assert widths["d_model"] % heads == 0
        build_task(budgeted, SPECS["classification"], widths=widths)  # refuses what does not fit


def test_proportions_are_the_configs() -> None:
    config = config_of("classification", "cnn_lstm", "model.channels=64", "model.d_hidden=256")
    widths = budget_widths(
        asked(config, params=900_000, embeddings="excluded"), SPECS["classification"]
    )
    assert widths["d_hidden"] / widths["channels"] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("heads", [1, 4, 8])
def test_of_coarse_steps_they_are_about_the_configs(heads: int) -> None:
    config = config_of("classification", "transformer", f"model.num_heads={heads}")
    for params in (60_000, 200_000, 500_000):
        budgeted = asked(config, params=params, embeddings="excluded")
        widths = budget_widths(budgeted, SPECS["classification"])
        share = widths["d_feedforward"] / widths["d_model"] / 2
        assert 1 / DRIFT <= share <= DRIFT


def test_random_generators_are_as_before() -> None:
    config = config_of("classification", "lstm", "budget.params=1000000")
    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    budget_widths(config, SPECS["classification"])
    found = [torch.rand(1).item(), random.random(), np.random.rand()]
    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    assert found == [torch.rand(1).item(), random.random(), np.random.rand()]


def test_it_is_the_same_each_time_and_built_without_being_told() -> None:
    config = config_of("language_modeling", "transformer", "budget.params=90000")
    spec = SPECS["language_modeling"]
    widths = budget_widths(config, spec)
    assert budget_widths(config, spec) == widths
    torch.manual_seed(0)
    told = build_task(config, spec, widths=widths).state_dict()
    torch.manual_seed(0)
    untold = build_task(config, spec).state_dict()
    assert all(torch.equal(told[name], untold[name]) for name in told)
    assert num_parameters(build_task(config, spec)) == pytest.approx(90_000, rel=0.01)


@pytest.mark.parametrize(
    ("model", "budget", "line"),
    [
        (
            "lstm", {"params": 500_000},
            "budget.params: expected more than the 816,128 of the input embeddings alone, got "
            "500,000; raise it, set budget.embeddings=excluded, or lower inputs.d_embed",
        ),
        (
            "lstm", {"params": 100, "embeddings": "excluded"},
            "budget.params: expected at least 544, the size of the narrowest model, got 100; "
            "raise it",
        ),
        (
            "gru", {"params": 5000, "embeddings": "excluded"},
            "budget.params: expected a size that the model has within 1 % (4,310 with "
            "model.d_hidden=10, 4,773 with model.d_hidden=11, 5,242 with model.d_hidden=12), got "
            "5,000; choose one of these",
        ),
        (
            "transformer", {"params": 300, "embeddings": "excluded"},
            "budget.params: expected at least 730, the size of the narrowest model, got 300; "
            "raise it",
        ),
        (
            "transformer model.num_heads=16 model.d_model=64 model.positions=rotary",
            {"params": 25_000, "embeddings": "excluded"},
            "budget.params: expected a size that the model has within 1 % (17,098 with "
            "model.d_model=32 model.d_feedforward=128, 58,762 with model.d_model=64 "
            "model.d_feedforward=256), got 25,000; choose one of these",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_met_is_refused(model: str, budget: dict[str, Any], line: str) -> None:
    config = asked(config_of("classification", *model.split()), **budget)
    with pytest.raises(ConfigError) as error:
        budget_widths(config, SPECS["classification"])
    assert error.value.line() == line


class Mine(Encoder):
    """An encoder of somebody's that looks at a weight while it is made."""

    def __init__(self, *, d_input: int, cells: int = 20, blocks: int = 3) -> None:
        super().__init__()
        self.d_input, self.d_output = d_input, cells * blocks
        self.dense = nn.Linear(d_input, cells * blocks)
        self.first = float(self.dense.weight[0, 0])

    def forward(self, x_BTD: Any, mask_BT: Any, state: Any = None) -> Encoded:
        return Encoded(self.dense(x_BTD), mask_BT)


class Wider(Mine):
    @classmethod
    def widths(cls, arguments: Any) -> Widths | None:
        return Widths(names=("cells",), step=5 if arguments["blocks"] == 3 else 1)


def test_ones_own_encoder_says_what_makes_it_wider() -> None:
    target = f"model._target_={__name__}"
    config = compose_job(["data=docstrings", f"{target}.Wider", "budget.params=900000"]).config
    widths = budget_widths(config, SPECS["classification"])
    task = build_task(config, SPECS["classification"])
    assert widths["cells"] % 5 == 0
    assert num_parameters(task) == pytest.approx(900_000, rel=0.01)
    config = compose_job(["data=docstrings", f"{target}.Mine", "budget.params=900000"]).config
    with pytest.raises(ConfigError, match=r"expected null for a model without a width.* for Mine;"):
        budget_widths(config, SPECS["classification"])


def test_where_the_last_is_too_coarse_another_first_is_tried() -> None:
    """The first as near as it comes leaves a rest that the last cannot fill, within 1 %."""

    class Coarse(Mine):
        @classmethod
        def widths(cls, arguments: Any) -> Widths | None:
            return Widths(names=("cells", "blocks"))

    def size(widths: Any) -> int:
        return 50 * int(widths["cells"]) + 30 * int(widths["blocks"])

    found = solved_widths(Coarse, {"cells": 7, "blocks": 7}, size, params=537)
    assert (found, size(found)) == ({"cells": 6, "blocks": 8}, 540)


def test_widths_that_change_nothing_are_told() -> None:
    class Vain(Mine):
        @classmethod
        def widths(cls, arguments: Any) -> Widths | None:
            return Widths(names=("cells",))

    with pytest.raises(ConfigError) as error:
        solved_widths(Vain, {}, lambda _: 300, params=5000)
    assert error.value.line() == (
        "budget.params: expected null for a model that cells make no larger, got 5,000 for Vain; "
        "declare what makes it wider: see Encoder.widths"
    )


def test_the_configs_own_width_need_not_suit_the_heads() -> None:
    model = ["model.num_heads=6", "model.d_model=128"]
    config = config_of("classification", "transformer", *model, "budget.params=1000000")
    assert budget_widths(config, SPECS["classification"])["d_model"] % 6 == 0


@pytest.mark.parametrize("error", [TypeError, ValueError, RuntimeError])
def test_whatever_goes_wrong_without_weights_it_is_built_with_them(error: type[Exception]) -> None:
    def build() -> nn.Module:
        made = nn.Linear(2, 2)
        if made.weight.is_meta:
            raise error("no values")
        return made

    assert num_parameters(without_weights(build)) == 6


def test_the_commands_of_the_readme_can_be_met() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    commands = re.findall(r"^seqbench sweep (model=.*budget\.params=.*)$", readme, re.MULTILINE)
    assert commands
    for command in commands:
        models, *others = (part for part in command.split() if not part.startswith("seed="))
        for model in models.removeprefix("model=").split(","):
            assert budget_widths(
                config_of("classification", model, *others), SPECS["classification"]
            )
