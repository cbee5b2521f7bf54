"""The report says at equal what it compares, as the budgets in the records tell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from seqbench.records.record import Budget
from seqbench.report.content import Content, gather
from seqbench.report.html import render_html
from seqbench.report.latex import render_latex
from seqbench.report.load import load_frame
from seqbench.report.markdown import render_markdown
from seqbench.report.plain import plain
from seqbench.report.terminal import print_report

NONE = Budget(
    params=None, embeddings="included", widths={}, params_reached=330_000, flops=None,
    flops_reached=5e12, seconds=None, seconds_reached=31.0, used_up=None, reproducible=True,
)  # fmt: skip
SIZED = replace(NONE, params=500_000, widths={"d_hidden": 181}, params_reached=498_700)
TFIDF = "baseline/tfidf_regression"


@pytest.fixture
def told(store, tmp_path: Path):
    """Stores runs of two networks with these budgets, and a baseline; gives what is said."""

    def told(lstm: Budget | None, gru: Budget | None, *, baseline: bool = False) -> Content:
        for seed in range(2):
            store(model="lstm", seed=seed, score=0.70 + seed / 100, budget=lstm)
            store(model="gru", seed=seed, score=0.60 + seed / 90, budget=gru)
        if baseline:
            store(model=TFIDF, score=0.5)
        return gather(tmp_path)

    return told


def test_equal_parameters(told) -> None:
    other = replace(SIZED, widths={"d_hidden": 211}, params_reached=501_250)
    content = told(SIZED, other, baseline=True)
    (section,) = content.sections
    assert section.equal == (
        "Compared at equal parameters: 500,000 ± 1 %; reached were 498,700 to 501,250.",
        "Solved for were lstm d_hidden=181, gru d_hidden=211; all else is as configured.",
        "No budget is for baselines: they have neither a width nor steps.",
    )
    assert content.answers[0].startswith(
        "On docstrings, at equal parameters (500,000 ± 1 %), lstm reaches accuracy 70.5"
    )


def test_embeddings_that_do_not_count_are_told(told) -> None:
    apart = replace(SIZED, embeddings="excluded")
    assert told(apart, apart).sections[0].equal[0] == (
        "Compared at equal parameters: 500,000 ± 1 %, input embeddings not counted; reached were "
        "498,700."
    )


def test_equal_flops_and_runs_that_ended_before(told) -> None:
    spent = replace(NONE, flops=1e12, flops_reached=1.002e12, used_up=True)
    early = replace(spent, flops_reached=4e11, used_up=False)
    content = told(spent, early)
    assert content.sections[0].equal == (
        "With a budget of training FLOPs: 1 T; reached were 400 G to 1 T.",
        "2 of 4 runs ended before their training FLOPs were used up: gru.",
    )
    assert content.answers[0].startswith("On docstrings, lstm reaches")


def test_what_went_far_beyond_a_budget_is_not_called_equal(told) -> None:
    spent = replace(NONE, flops=1e12, flops_reached=1.002e12, used_up=True)
    beyond = replace(spent, flops_reached=1.3e12)
    content = told(spent, beyond)
    assert content.sections[0].equal == (
        "With a budget of training FLOPs: 1 T; reached were 1 T to 1.3 T.",
        "2 of 4 runs went more than 1 % beyond it with their last step: gru.",
    )
    assert "at equal" not in content.answers[0]


def test_what_was_reached_may_be_unknown(told) -> None:
    unknown = replace(NONE, flops=1e12, flops_reached=None, used_up=False)
    assert told(unknown, unknown).sections[0].equal == (
        "With a budget of training FLOPs: 1 T.",
        "4 of 4 runs ended before their training FLOPs were used up: lstm, gru.",
        "4 of 4 runs do not tell what they came to: lstm, gru.",
    )


def test_budgets_that_look_alike_when_rounded_are_not_one(told) -> None:
    spent = replace(NONE, flops=1e12, flops_reached=1e12, used_up=True)
    other = replace(spent, flops=1.0001e12, flops_reached=1.0001e12)
    assert told(spent, other).sections[0].equal == (
        "Not all networks have one budget of training FLOPs, compare them with care. "
        "lstm: 1,000,000,000,000; gru: 1,000,100,000,000.",
    )


def test_widths_that_differ_between_the_runs_of_a_network_are_all_told(
    store, tmp_path: Path
) -> None:
    for seed in range(2):
        store(model="lstm", seed=seed, budget=replace(SIZED, widths={"d_hidden": 181 + seed}))
    (section,) = gather(tmp_path).sections
    assert section.equal[1].startswith("Solved for were lstm d_hidden=181 or d_hidden=182;")


def test_equal_time_is_not_reproducible(told) -> None:
    timed = replace(SIZED, seconds=60.0, seconds_reached=60.2, used_up=True, reproducible=False)
    content = told(timed, timed)
    assert content.sections[0].equal[-2:] == (
        "Compared at equal training time: 60 s; reached were 60.2 s.",
        "Where time ends the training the same command gives other bits each time, and other "
        "results on another machine.",
    )
    assert (
        "at equal parameters (500,000 ± 1 %) and equal training time (60 s), lstm"
        in (content.answers[0])
    )


@pytest.mark.parametrize("gru", [None, NONE, replace(SIZED, params=400_000)])
def test_unequal_budgets_are_not_called_equal(told, gru: Budget | None) -> None:
    content = told(SIZED, gru)
    theirs = "400,000 ± 1 %" if gru is not None and gru.params else "none"
    (line,) = content.sections[0].equal
    told_apart = "Not all networks have one budget of parameters, compare them with care."
    assert line == f"{told_apart} lstm: 500,000 ± 1 %; gru: {theirs}."
    assert "at equal" not in content.answers[0]


@pytest.mark.parametrize("budget", [None, NONE])
def test_without_budgets_nothing_is_said(told, budget: Budget | None) -> None:
    content = told(budget, budget, baseline=True)
    assert content.sections[0].equal == ()
    assert content.answers[0].startswith("On docstrings, lstm reaches")


def test_a_network_alone_is_compared_with_none(store, tmp_path: Path) -> None:
    store(model="lstm", budget=SIZED)
    content = gather(tmp_path)
    assert "at equal" not in content.answers[0]
    assert content.sections[0].equal == (
        "With a budget of parameters: 500,000 ± 1 %; reached were 498,700.",
        "Solved for were lstm d_hidden=181; all else is as configured.",
    )


def test_every_form_of_the_report_shows_it(told) -> None:
    content = told(SIZED, SIZED)
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_report(content, console)
    line = "Compared at equal parameters: 500,000"
    forms = (
        render_html(content), render_markdown(content), render_latex(content),
        console.export_text(), json.dumps(plain(content), ensure_ascii=False),
    )  # fmt: skip
    assert [line in form for form in forms] == [True] * 5


def test_the_frame_has_what_was_asked_and_reached(told, tmp_path: Path) -> None:
    told(SIZED, None)
    frame = load_frame(tmp_path).set_index("model")
    assert set(frame.loc["lstm", "budget/params"]) == {500_000}
    assert set(frame.loc["lstm", "budget/widths/d_hidden"]) == {181}
    assert frame.loc["gru", "budget/params_reached"].isna().all()
