"""What language models wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqbench.records.record import Primary
from seqbench.report.content import gather
from seqbench.report.figures.of_section import figures
from seqbench.report.html import render_html
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
