"""Several datasets at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy import stats

from seqbench.records.record import Primary
from seqbench.report.across import THRESHOLDS
from seqbench.report.content import gather
from seqbench.report.grids import across_grid

SCORES = {
    "imdb": {"lstm": [0.80, 0.82, 0.84], "gru": [0.70, 0.72, 0.74]},
    "docstrings": {"lstm": [0.55, 0.60, 0.62], "gru": [0.50, 0.52, 0.54]},
}
FLOORS = {"imdb": 0.5, "docstrings": 0.1}


@pytest.fixture
def two_datasets(store, tmp_path: Path) -> Path:
    for data, models in SCORES.items():
        for model, scores in models.items():
            for seed, score in enumerate(scores):
                store(model=model, data=data, seed=seed, score=score)
        store(model="baseline/majority", data=data, score=FLOORS[data])
    return tmp_path / "outputs"


def test_interquartile_means_of_normalised_scores(two_datasets: Path) -> None:
    found = gather(two_datasets).across
    assert found is not None
    assert [row.label for row in found.rows] == ["lstm", "gru"]
    for row in found.rows:
        pooled = [
            (score - FLOORS[data]) / (1 - FLOORS[data])
            for data, models in SCORES.items()
            for score in models[row.label]
        ]
        assert row.n == 6
        assert row.mean == pytest.approx(stats.trim_mean(pooled, 1 / 6))  # floor(6/4) = 1 each end
        assert row.low <= row.mean <= row.high
        place = THRESHOLDS.index(0.5)
        assert row.profile[place] == sum(score > 0.5 for score in pooled) / 6


def test_floor_and_ceiling_are_stated(two_datasets: Path) -> None:
    found = gather(two_datasets).across
    assert found is not None
    notes = " ".join(across_grid(found).notes)
    assert "On imdb 0 % is 0.5 (majority) and 100 % is 1 (perfect)." in notes


def test_a_metric_without_a_best_possible_value(store, tmp_path: Path) -> None:
    loss = Primary(name="perplexity", higher_is_better=False)
    for data in ("a", "b"):
        for seed, score in enumerate((30.0, 40.0)):
            store(data=data, seed=seed, score=score, primary=loss)
    found = gather(tmp_path).across
    assert found is not None
    assert found.scales[0].floor == (40.0, "the worst, a run")
    assert found.scales[0].ceiling == (30.0, "the best, a run")
    assert found.rows[0].mean == pytest.approx(0.5)


def test_one_dataset_or_no_model_in_common(store, tmp_path: Path) -> None:
    store(model="lstm", data="a")
    assert gather(tmp_path).across is None
    store(model="gru", data="b")
    content = gather(tmp_path)
    assert content.across is None
    assert any("have 2 tables, one a dataset and metric" in note for note in content.notes)


def test_scores_that_are_all_alike(store, tmp_path: Path) -> None:
    loss = Primary(name="perplexity", higher_is_better=False)
    for data in ("a", "b"):
        store(data=data, score=30.0, primary=loss)
    assert gather(tmp_path).across is None


def test_networks_that_lose_to_the_baseline_are_seen_to(store, tmp_path: Path) -> None:
    loss = Primary(name="loss", higher_is_better=False)
    for data in ("a", "b"):
        store(model="lstm", data=data, score=6.0, primary=loss)
        store(model="gru", data=data, score=8.0, primary=loss)
        store(model="baseline/unigram", data=data, score=4.0, primary=loss)
    found = gather(tmp_path).across
    assert found is not None
    assert [(row.label, row.mean) for row in found.rows] == [("lstm", 0.5), ("gru", 0.0)]
    assert found.scales[0].ceiling == (4.0, "the best, unigram")
