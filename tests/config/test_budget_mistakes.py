"""Budgets that cannot be kept: told before any data is read."""

from __future__ import annotations

import pytest

from seqbench.config.compose import compose, compose_job
from seqbench.errors import ConfigErrors


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
            "trainer.max_steps: expected null with budget.flops, which ends the training, got 50; "
            "leave one of the two out",
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
        (["budget.params=0"], "budget.params: expected an integer >= 1 or null, got 0"),
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
