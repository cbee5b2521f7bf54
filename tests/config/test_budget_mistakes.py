"""Budgets that cannot be kept: told before any data is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Ended

from seqbench.config.compose import compose, compose_job
from seqbench.config.said_mistakes import ONLY_WIDTHS
from seqbench.config.signatures import located
from seqbench.errors import ConfigErrors
from seqbench.models.widths import Widths

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["budget.flops=1e12", "budget.seconds=60"],
            "budget: expected flops or seconds, not both, got budget.flops=1000000000000.0 and "
            "budget.seconds=60",
        ),
        (
            ["budget.flops=1e12", "trainer.max_steps=50"],
            "trainer.max_steps: expected null with budget.flops, which alone says how "
            "much is trained, got 50; leave one of the two out",
        ),
        (
            ["budget.seconds=60", "debug=overfit"],
            "trainer.overfit_batches: expected null with budget.seconds, which alone says "
            "how much is trained, got 2; leave one of the two out",
        ),
        (
            ["budget.flops=1e12", "trainer.extra.max_epochs=1", "trainer.extra.min_steps=9"],
            "trainer.extra.max_epochs: expected null with budget.flops, which alone says "
            "how much is trained, got 1; leave one of the two out\n"
            "trainer.extra.min_steps: expected null with budget.flops, which alone says "
            "how much is trained, got 9; leave one of the two out",
        ),
        (
            ["budget.flops=1e12", "trainer.max_epochs=3"],
            "trainer.max_epochs: expected not to be said with budget.flops, which ends the "
            "training, got 3; leave one of the two out",
        ),
        (
            ["model=gru", "budget.params=900000", "++model.d_hidden=64"],
            "model.d_hidden: expected not to be said with budget.params, which solves for it, got "
            "64; leave one of the two out",
        ),
        (
            ["budget.seconds=60", "trainer.on_divergence=rollback"],
            "trainer.on_divergence: expected fail with budget.seconds: what is thrown away has "
            "been spent too, got 'rollback'; leave one of the two out",
        ),
        (
            ["budget.embeddings=excluded"],
            "budget.embeddings: expected included without budget.params, which it belongs to, got "
            "'excluded'; say budget.params=… too",
        ),
        (
            ["model=bow", "budget.params=100000"],
            "budget.params: expected null for a model without a width to solve for, got 100000 "
            "with seqbench.models.bow.BagOfWords; leave it out; the size of its embeddings is "
            "inputs.d_embed",
        ),
        (
            ["model=mlp", "model.num_layers=0", "budget.params=100000"],
            "budget.params: expected null for a model without a width to solve for, got 100000 "
            "with seqbench.models.mlp.MLP; leave it out; the size of its embeddings is "
            "inputs.d_embed",
        ),
        (
            ["budget.params=0"],
            "budget.params: expected an integer in [1, 1e+12] or null, got 0",
        ),
        (
            ["budget.params=1000000000000000"],
            "budget.params: expected an integer in [1, 1e+12] or null, got 1000000000000000",
        ),
        (["budget.seconds=-3"], "budget.seconds: expected a number > 0 or null, got -3"),
        (
            ["budget.parms=3"],
            "budget.parms: expected a key of budget, got 3; did you mean budget.params?",
        ),
        (
            ["budget.embeddings=include", "budget.params=3"],
            "budget.embeddings: expected one of included, excluded, got 'include'; did you mean "
            "budget.embeddings=included?",
        ),
    ],
)
def test_it_is_refused(overrides: list[str], line: str) -> None:
    with pytest.raises(ConfigErrors) as error:
        compose_job(overrides)
    assert error.value.line() == line


def test_benchmark_times_steps() -> None:
    with pytest.raises(ConfigErrors, match=r"budget\.seconds: expected null for benchmark"):
        compose("benchmark", ["budget.seconds=5"])


def test_a_size_alone_leaves_the_length_as_it_is() -> None:
    job = compose_job(["budget.params=1000000", "trainer.max_steps=7"])
    assert (job.config["budget"]["params"], job.config["trainer"]["max_steps"]) == (1_000_000, 7)


def test_benchmark_and_a_sweep_of_a_width_are_told_likewise(cli: Callable[..., Ended]) -> None:
    said = ["model=lstm", "budget.params=900000", "model.d_hidden=32"]
    with pytest.raises(ConfigErrors, match=r"model\.d_hidden: expected not to be said"):
        compose("benchmark", said)
    ended = cli("sweep", *said[:2], "model.d_hidden=32,64")
    assert ended.code == 2
    assert ended.err.count("model.d_hidden: expected not to be said with budget.params") == 2


def test_shares_of_several_widths_may_be_said_and_files_may_say_any() -> None:
    compose_job(["model=transformer", "model.d_feedforward=512", "budget.params=1000000"])
    compose_job(["experiments=char_lm", "budget.flops=1e12"])


def test_the_only_widths_of_ours_are_those_of_the_classes() -> None:
    models = [path.stem for path in (CONF / "model").glob("*.yaml")]
    found = {}
    for model in models:
        node = compose_job([f"model={model}", "data=docstrings"]).config["model"]
        cls = located(node["_target_"])
        names = widths.names if (widths := cls.widths(node)) is not None else ()
        if len(names) == 1:
            found[node["_target_"]] = names[0]
    assert found == ONLY_WIDTHS


class Theirs:
    """An encoder of another's package, with a width."""

    def __init__(self, *, d_input: int, cells: int = 3, kind: str = "one") -> None: ...

    @classmethod
    def widths(cls, arguments: Mapping[str, Any]) -> Widths:
        return Widths(names=("cells",) if arguments["kind"] == "one" else ("cells", "kind"))


def test_others_are_asked() -> None:
    theirs = [f"model._target_={__name__}.Theirs", "budget.params=900000", "model.cells=7"]
    with pytest.raises(ConfigErrors, match=r"model\.cells: expected not to be said"):
        compose_job(theirs)
    compose_job([*theirs, "model.kind=two"])


@pytest.mark.parametrize("preset", ["fast", "overfit", "profile"])
def test_presets_for_debugging_need_no_budget(preset: str, tmp_path: Path) -> None:
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "timed.yaml").write_text("# @package _global_\nbudget:\n  flops: 1e13\n")
    said = ["experiments=timed", f"debug={preset}"]
    assert compose_job(said[:1], config_dirs=[tmp_path]).config["budget"]["flops"] == 1e13
    assert compose_job(said, config_dirs=[tmp_path]).config["budget"]["flops"] is None
