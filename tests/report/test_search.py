"""A sweep over hyperparameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqbench.report.content import gather
from seqbench.report.figures.of_section import figures


@pytest.fixture
def sweep(store, tmp_path: Path) -> Path:
    """Two models, four learning rates that matter, two widths that do not, two seeds."""
    rng = np.random.default_rng(0)
    for model in ("lstm", "gru"):
        for rate in (1e-4, 1e-3, 1e-2, 1e-1):
            for width in (16, 32):
                for seed in range(2):
                    score = 0.8 - 0.1 * abs(np.log10(rate) + 2) + float(rng.normal(0, 0.003))
                    store(
                        model=model,
                        seed=seed,
                        score=score,
                        settings={"d_hidden": width, "only": model},
                        config={"optimizer": {"lr": rate}},
                    )
    return tmp_path / "outputs"


def test_what_varies_and_what_matters(sweep: Path) -> None:
    (section,) = gather(sweep).sections
    found = section.search
    assert found is not None
    assert found.keys == ("model.d_hidden", "optimizer.lr")  # what a model alone has does not vary
    assert found.logarithmic == {"optimizer.lr"}
    assert len(found.scores) == 32
    assert found.importance is not None
    shares = found.importance.shares
    assert set(shares) == {"model", "seed", "model.d_hidden", "optimizer.lr"}
    assert shares["optimizer.lr"] > 0.9
    assert max(share for key, share in shares.items() if key != "optimizer.lr") < 0.05


def test_what_a_budget_buys(sweep: Path) -> None:
    (section,) = gather(sweep).sections
    assert section.search is not None
    lstm = next(each for each in section.search.budgets if each.model == "lstm")
    rows = [row for row in section.table.networks if row.model == "lstm"]
    means = [
        np.mean([run.record.scores.validation["accuracy"] for run in row.runs]) for row in rows
    ]
    assert len(lstm.best) == 8
    assert lstm.best[0] == pytest.approx(np.mean(means))
    assert lstm.best[-1] == pytest.approx(max(means))
    assert list(lstm.best) == sorted(lstm.best)


def test_its_figures(sweep: Path) -> None:
    (section,) = gather(sweep).sections
    drawn = {figure.key: figure for figure in figures(section)}
    lines = drawn["parallel-coordinates"].variants[0].plot["data"][0]
    assert [each["label"] for each in lines["dimensions"]] == [
        "model", "d_hidden", "lr", "seed", "validation accuracy, %",
    ]  # fmt: skip
    assert lines["dimensions"][2]["ticktext"] == ["0.0001", "0.001", "0.01", "0.1"]
    assert "optimizer.lr" in drawn["importance"].alt
    assert {variant.name for variant in drawn["budget"].variants} == {"by trials", "by time"}


def test_architectures_and_seeds_alone_are_no_search(study: Path) -> None:
    (section,) = gather(study).sections
    assert section.search is None
