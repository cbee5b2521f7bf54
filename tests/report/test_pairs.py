"""Two configurations: over seeds, and over test examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from seqbench.records.predictions import Predictions, write_predictions
from seqbench.report.content import Section, gather
from seqbench.report.pairs import Pair


@pytest.fixture
def section(store, tmp_path: Path):
    """Stores {model: scores by seed} and gives the section."""

    def section(scores: dict[str, list[float]], examples: int = 0) -> Section:
        for model, values in scores.items():
            for seed, score in enumerate(values):
                store(model=model, seed=seed, score=score, examples=examples)
        (found,) = gather(tmp_path).sections
        return found

    return section


def pair_of(section: Section, first: str, second: str) -> Pair:
    return next(
        pair for pair in section.pairs if (pair.first.model, pair.second.model) == (first, second)
    )


def test_over_seeds(section) -> None:
    gru, lstm = [0.70, 0.72, 0.71, 0.73], [0.69, 0.70, 0.70, 0.70]
    found = pair_of(section({"gru": gru, "lstm": lstm}), "gru", "lstm")
    differences = np.subtract(gru, lstm)
    assert found.difference.mean == pytest.approx(differences.mean())
    # all four differences are positive: both sign patterns of one sign, of 16
    assert found.p == found.p_holm == pytest.approx(2 / 16)
    assert found.unpaired is not None
    expected = stats.mannwhitneyu(gru, lstm)
    assert found.unpaired.superiority == pytest.approx(expected.statistic / 16)
    pooled = np.sqrt((np.var(gru, ddof=1) + np.var(lstm, ddof=1)) / 2)
    correction = 1 - 3 / (4 * 6 - 1)
    assert found.g == pytest.approx(correction * differences.mean() / pooled, rel=1e-2)


def test_holm_counts_every_comparison_of_the_table(section) -> None:
    scores = {"a": [0.7, 0.71, 0.72], "b": [0.6, 0.61, 0.62], "c": [0.5, 0.51, 0.52]}
    found = section(scores)
    assert [pair.p for pair in found.pairs] == [0.25] * 3
    assert [pair.p_holm for pair in found.pairs] == [0.75] * 3


def test_a_baseline_is_a_constant(section) -> None:
    found = section({"gru": [0.70, 0.72, 0.71], "baseline/tfidf_regression": [0.6]}, examples=200)
    (pair,) = found.pairs
    assert pair.constant is pair.second
    assert pair.difference.n == 3
    assert pair.g is None and pair.unpaired is None
    assert pair.examples is not None and pair.examples.seeds == 3


def test_over_test_examples(section, tmp_path: Path) -> None:
    """By hand: of 40 examples, 12 that gru alone gets right and 4 that lstm alone does."""
    found = section({"gru": [0.7], "lstm": [0.5]}, examples=40)
    right = {
        "gru": np.r_[np.ones(12), np.zeros(4), np.ones(16), np.zeros(8)].astype(bool),
        "lstm": np.r_[np.zeros(12), np.ones(4), np.ones(16), np.zeros(8)].astype(bool),
    }
    for row in found.table.rows:
        path = row.runs[0].folder.predictions
        said = np.where(right[row.model], 0, 1)
        write_predictions(
            path,
            Predictions(
                rows=np.arange(40),
                targets=np.zeros(40, dtype=np.int64),
                lengths=np.ones(40, dtype=np.int32),
                probabilities=np.eye(2)[said],
            ),
        )
    (again,) = gather(tmp_path).sections
    examples = pair_of(again, "gru", "lstm").examples
    assert examples is not None
    assert (examples.only_first, examples.only_second, examples.n) == (12, 4, 40)
    assert examples.difference == pytest.approx(8 / 40)
    assert examples.p == pytest.approx(stats.binomtest(4, 16).pvalue)
    spread = np.sqrt((16 / 40 - (8 / 40) ** 2) / 40)  # of a mean of 12 ones, 4 minus ones, 24 zeros
    assert examples.low == pytest.approx(0.2 - 1.96 * spread, abs=0.03)
    assert examples.high == pytest.approx(0.2 + 1.96 * spread, abs=0.03)


def test_at_most_seven_are_compared(section) -> None:
    found = section({f"m{i}": [0.5 + i / 100] * 2 for i in range(9)} | {"baseline/x": [0.4]})
    assert len({pair.first.model for pair in found.pairs}) == 6
    assert len(found.pairs) == 7 * 6 // 2
