"""What language models wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqbench.records.record import Primary
from seqbench.report.claims import Judged
from seqbench.report.content import gather
from seqbench.report.figures.of_section import figures
from seqbench.report.grids import evidence
from seqbench.report.html import render_html
from seqbench.report.markdown import render_markdown
from seqbench.report.plain import plain


@pytest.fixture
def language_models(store, tmp_path: Path) -> Path:
    """Two models, two seeds, two temperatures."""
    loss = Primary(name="loss", higher_is_better=False)
    for model, score in (("lstm", 1.5), ("gru", 1.6)):
        for seed in range(2):
            record = store(model=model, seed=seed, score=score, primary=loss)
            path = tmp_path / "outputs" / record.study / record.run_id / "record.json"
            stored = json.loads(path.read_text())
            stored["scores"]["samples"] = [
                {
                    "temperature": temperature,
                    "prompts": ["the for "],
                    "texts": [f"<loop> of {model} {seed} at {temperature}"],
                    "tokens": 20,
                    "distinct_1": 0.5,
                    "distinct_2": 0.6,
                    "distinct_3": 0.7,
                    "repetition": 0.1,
                    "entropy": temperature + seed,
                    "perplexity": None,
                }
                for temperature in (1.0, 0.2)
            ]
            path.write_text(json.dumps(stored))
    return tmp_path / "outputs"


def test_texts_stand_side_by_side_by_temperature(language_models: Path) -> None:
    content = gather(language_models)
    (section,) = content.sections
    assert [(each.temperature, each.model) for each in section.written] == [
        (0.2, "lstm"), (0.2, "gru"), (1.0, "lstm"), (1.0, "gru"),
    ]  # fmt: skip
    page = render_html(content)
    assert '<span class="count">the for </span>&lt;loop&gt; of lstm 0 at 0.2' in page


def test_markdown_shows_a_text_a_temperature_and_the_figures(language_models: Path) -> None:
    text = render_markdown(gather(language_models))
    section = text[text.index("### What they wrote") : text.index("## How to read this")]
    assert section.splitlines()[2:6] == [
        "lstm goes on from a prompt, by temperature:",
        "",
        "- 0.2: the for **→** &lt;loop> of lstm 0 at 0.2",
        "- 1: the for **→** &lt;loop> of lstm 0 at 1.0",
    ]
    assert "| lstm | 0.2 | 0.7 | 0.6 | 0.1 | \N{EN DASH} |" in section.splitlines()
    assert "| gru | 1 | 1.5 | 0.6 | 0.1 | \N{EN DASH} |" in section.splitlines()
    assert "gru 0 at" not in section


def test_markdown_of_models_that_write_nothing(study: Path) -> None:
    assert "What they wrote" not in render_markdown(gather(study))


def test_figures_by_temperature_are_means_over_seeds(language_models: Path) -> None:
    content = gather(language_models)
    (drawn,) = [f for f in figures(content.sections[0]) if f.key == "samples"]
    assert [variant.name for variant in drawn.variants] == ["entropy", "distinct-2", "repetition"]
    (lstm, _) = drawn.variants[0].plot["data"]
    assert (lstm["x"], lstm["y"]) == ([0.2, 1.0], [0.7, 1.5])
    (table,) = plain(content)["tables"]
    assert table["samples"]["lstm"]["entropy"] == [[0.2, 0.7], [1.0, 1.5]]


def test_a_loss_is_better_when_it_is_lower(language_models: Path) -> None:
    content = gather(language_models)
    assert [row.label for row in content.tables[0].rows] == ["lstm", "gru"]
    assert content.sections[0].pairs[0].difference.mean == pytest.approx(0.1)


def judged(folder: Path, **changes: object) -> Judged:
    """What the runs below the folder say of a claim on their texts."""
    claim = {
        "claim": "Heat brings disorder",
        "metric": "samples.entropy",
        "first": {"model": "lstm", "samples.temperature": 1.0},
        "second": {"model": "lstm", "samples.temperature": 0.2},
        "direction": "greater",
        "smallest_effect": 0.5,
    }
    for path in folder.rglob("record.json"):
        stored = json.loads(path.read_text())
        stored["config"]["claims"] = [claim | changes]
        path.write_text(json.dumps(stored))
    (found,) = gather(folder).claims
    return found


def test_a_claim_sets_two_temperatures_of_the_same_runs_beside_each_other(
    language_models: Path,
) -> None:
    found = judged(language_models)  # 1 + seed against 0.2 + seed
    assert found.effect.n == 2
    assert found.effect.mean == pytest.approx(0.8)
    assert (found.first.mean, found.second.mean) == (pytest.approx(1.5), pytest.approx(0.7))
    assert found.verdict == "supported"
    assert evidence(found) == (
        "entropy of texts of model=lstm, samples.temperature=1.0 > model=lstm, "
        "samples.temperature=0.2, smallest effect 0.5 nats: +0.8 nats, "
        "95 % interval +0.8 nats to +0.8 nats over 2 seeds"
    )
    assert judged(language_models, smallest_effect=0.9).verdict == "refuted"


def test_a_claim_sets_the_texts_of_two_models_beside_each_other(language_models: Path) -> None:
    second = {"model": "gru", "samples.temperature": 1.0}
    found = judged(language_models, second=second, direction="equal")
    assert (found.verdict, found.effect.mean) == ("supported", 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"first": {"samples.temperature": 3}},
            "no completed run with samples.entropy at temperature 3 belongs to the first side",
        ),
        (
            {"metric": "samples.perplexity"},
            "no completed run with samples.perplexity at temperature 1 belongs to the first side",
        ),
        (
            {"first": {"samples.temperature": 1}, "second": {"seed": 0, "samples.temperature": 1}},
            "some runs belong to both sides",
        ),
    ],
)
def test_a_claim_on_texts_that_are_not_there(
    change: dict[str, object], reason: str, language_models: Path
) -> None:
    found = judged(language_models, **change)
    assert (found.verdict, found.reason) == ("inconclusive", reason)
