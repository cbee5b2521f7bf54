"""Combinations that no language model can have: told before any data is read."""

from __future__ import annotations

import pytest

from seqbench.config.compose import compose_job
from seqbench.errors import ConfigErrors

TEXT = "data=python_reference"
SEES = "which else sees what it must predict, got false; use"


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["model=transformer"],
            f"model.causal: expected true in a language model, {SEES} model=causal_transformer, "
            "or model.causal=true",
        ),
        (
            ["model=cnn"],
            f"model.causal: expected true in a language model, {SEES} model=causal_cnn, "
            "or model.causal=true",
        ),
        (
            ["model=cnn_lstm"],
            f"model.causal: expected true in a language model, {SEES} model=causal_cnn_lstm, "
            "or model.causal=true model.pool=1",
        ),
        (
            ["model=gru", "model.bidirectional=true"],
            "model.bidirectional: expected false in a language model, which else reads what it "
            "must predict, got true; use model.bidirectional=false",
        ),
        (
            ["model=mlp"],
            "model: expected one that reads what stood before, for a language model, got "
            "seqbench.models.mlp.MLP, which reads one token at a time; use e.g. model=lstm",
        ),
        (
            ["inputs=counts"],
            "inputs: expected a vector a token, for a language model, got counts of a whole text; "
            "use inputs=learned or inputs=one_hot",
        ),
        (
            ["inputs=one_hot", "task.tied=true"],
            "task.tied: expected false unless inputs=learned, got true; there are no input "
            "embeddings to share: use inputs=learned",
        ),
        (
            ["task.tied=true", "task.cutoffs=[9]"],
            "task.cutoffs: expected none with task.tied=true, got [9]; clusters have widths of "
            "their own: leave one of the two out",
        ),
        (["task.cutoffs=[9,5]"], "task.cutoffs: expected ascending numbers, got [9, 5]"),
        (["task.cutoffs=[5,5]"], "task.cutoffs: expected ascending numbers, got [5, 5]"),
        *(
            (
                [f"tokenizer={subwords}", "task.cutoffs=[500]"],
                "task.cutoffs: expected none with a tokenizer of subwords, whose ids do not fall "
                "in frequency, got [500]; use tokenizer=word or tokenizer=whitespace, or "
                "task.cutoffs=[]",
            )
            for subwords in ("bpe", "wordpiece", "unigram")
        ),
        (
            ["task.cutoffs=[5,9]", "model.d_hidden=15"],
            "task.cutoffs: expected a model of width 16 or more for 2 clusters, each 4 times "
            "narrower than the one before, got width 15; leave out cutoffs, or widen the model",
        ),
        (
            ["model=causal_transformer", "model.positions=learned", "data.window=2000"],
            "data.window: expected at most model.max_positions=1024 with model.positions=learned, "
            "got 2000; set model.max_positions=2000, or lower data.window",
        ),
        (["task.stride=129"], "task.stride: expected at most data.window=128, got 129"),
        (
            ["model=baseline/majority"],
            "model: expected a baseline that predicts tokens, got "
            "seqbench.baselines.majority.Majority; use model=baseline/kneser_ney or "
            "model=baseline/unigram",
        ),
    ],
)
def test_what_cannot_be(overrides: list[str], line: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        compose_job([TEXT, *overrides])
    assert caught.value.line() == line


def test_pooling_is_no_key_of_theirs() -> None:
    with pytest.raises(ConfigErrors, match=r"task\.pooling: expected .* LanguageModeling"):
        compose_job([TEXT, "task.pooling=max"])


def test_a_language_baseline_does_not_classify() -> None:
    with pytest.raises(ConfigErrors, match="expected a baseline that classifies, got"):
        compose_job(["data=docstrings", "model=baseline/unigram"])


@pytest.mark.parametrize(
    "model", ["lstm", "gru", "rnn", "peephole_lstm", "causal_cnn", "causal_cnn_lstm",
              "causal_transformer", "baseline/unigram", "baseline/kneser_ney"],
)  # fmt: skip
def test_every_causal_model_may(model: str) -> None:
    job = compose_job([TEXT, f"model={model}"])
    assert job.config["choices"]["tokenizer"] == "char"
    assert job.run_id.startswith(f"python_reference-{model.rpartition('/')[2]}-s0-")


def test_what_the_user_says_wins_over_what_data_choose() -> None:
    job = compose_job([TEXT, "tokenizer=bpe", "inputs=one_hot"])
    assert (job.config["choices"]["tokenizer"], job.config["choices"]["inputs"]) == (
        "bpe", "one_hot",
    )  # fmt: skip


@pytest.mark.parametrize(
    "overrides",
    [
        ["task.cutoffs=[5,9]", "model.d_hidden=16"],
        ["tokenizer=word", "task.cutoffs=[500]"],
        ["model=causal_transformer", "model.positions=learned", "data.window=1024"],
        ["model=causal_transformer", "data.window=2000"],
    ],
)
def test_what_can_just_be(overrides: list[str]) -> None:
    assert compose_job([TEXT, *overrides]).run_id
