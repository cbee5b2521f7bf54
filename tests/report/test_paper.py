"""Figures for a paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from seqbench.report import paper
from seqbench.report.content import gather
from seqbench.report.figures.of_section import figures
from seqbench.report.paper import write_figures


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer pixels: what is drawn is the same."""
    monkeypatch.setattr(paper, "_DPI", 50)


@pytest.fixture
def small_study(store, tmp_path: Path) -> Path:
    """Two networks and a baseline, a hyperparameter that varies: every kind of figure."""
    for seed in range(2):
        for rate in (0.001, 0.01, 0.03, 0.1):
            config = {"optimizer": {"lr": rate}}
            store(seed=seed, score=0.6 + rate + seed / 100, examples=50, config=config)
    store(model="baseline/tfidf_regression", score=0.62, examples=50)
    return tmp_path / "outputs"


def test_figures_as_pdf_and_png(small_study: Path, tmp_path: Path) -> None:
    content = gather(small_study)
    written = sorted(write_figures(content, tmp_path / "figures").iterdir())
    names = {path.name for path in written}
    (section,) = content.sections
    assert len(names) == 2 * sum(len(figure.variants) for figure in figures(section))
    assert {"seeds.pdf", "differences-over-seeds.png", "curves-by-tokens.pdf"} <= names
    assert {"parallel-coordinates.pdf", "importance.png", "budget-by-trials.pdf"} <= names
    for path in written:
        assert path.read_bytes()[:4] == (b"%PDF" if path.suffix == ".pdf" else b"\x89PNG")
        if path.suffix == ".png":
            assert num_vivid(path) > 30, f"{path.name} lost its colours"


def test_the_same_records_give_the_same_figures(store, tmp_path: Path) -> None:
    store(seed=0)
    content = gather(tmp_path)
    first, second = (sorted(write_figures(content, tmp_path / n).iterdir()) for n in ("a", "b"))
    assert [path.name for path in first] == [path.name for path in second]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))


def num_vivid(path: Path) -> int:
    """Pixels that are neither grey nor white."""
    with Image.open(path) as image:
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    return sum(n for n, rgb in colours if max(rgb) - min(rgb) > 60)
