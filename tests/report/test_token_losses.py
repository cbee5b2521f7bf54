"""Language models on the same test tokens, in every form of the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqbench.records.folder import RunFolder
from seqbench.records.record import Primary
from seqbench.records.token_losses import TokenLosses, write_token_losses
from seqbench.report.content import Content, gather
from seqbench.report.grids import pairs_grid
from seqbench.report.latex import render_latex
from seqbench.report.markdown import render_markdown
from seqbench.report.plain import plain

LOSS = Primary(name="loss", higher_is_better=False)
TOKENS = 3000
Stored = Callable[..., Content]


@pytest.fixture
def stored(store, tmp_path: Path) -> Stored:
    """Stores {model: mean losses by seed} with losses of tokens, and gives the report."""

    def stored(losses: dict[str, list[float]], targets: dict[str, int] | None = None) -> Content:
        hard = np.random.default_rng(0).exponential(size=TOKENS)
        for model, means in losses.items():
            for seed, mean in enumerate(means):
                record = store(model=model, seed=seed, score=mean, primary=LOSS)
                own = np.random.default_rng([seed, *model.encode()]).normal(scale=0.1, size=TOKENS)
                found = TokenLosses(
                    targets=np.full(TOKENS, (targets or {}).get(model, 7), dtype=np.int32),
                    losses=(hard - hard.mean() + mean + own - own.mean()).astype(np.float32),
                )
                folder = RunFolder(tmp_path / "outputs" / record.study / record.run_id)
                write_token_losses(folder.token_losses, found)
        return gather(tmp_path / "outputs")

    return stored


def test_over_test_tokens(stored: Stored) -> None:
    content = stored({"lstm": [1.50, 1.52], "gru": [1.55, 1.61]})
    ((pair,),) = (section.pairs for section in content.sections)
    assert (pair.first.label, pair.second.label) == ("lstm", "gru")
    found = pair.tokens
    assert found is not None and pair.examples is None
    assert (found.n, found.seeds) == (TOKENS, 2)
    assert found.difference == pytest.approx((0.05 + 0.09) / 2, abs=1e-6)
    # two independent models of two seeds: the text's own difficulty cancels
    spread = np.sqrt(2 / 2) * 0.1 / np.sqrt(TOKENS)
    assert found.high - found.difference == pytest.approx(1.96 * spread, rel=0.2)
    assert found.low == pytest.approx(2 * found.difference - found.high)


def test_every_form_shows_them(stored: Stored) -> None:
    content = stored({"lstm": [1.50, 1.52], "gru": [1.55, 1.61]})
    grid = pairs_grid(content.sections[0].pairs)
    assert grid is not None
    assert grid.heads[-1] == "loss on the same test tokens, 95 % interval"
    assert grid.rows[0][-1].startswith("0.07 (0.06")
    assert grid.rows[0][-1].endswith(" nats")
    assert any("circular block bootstrap, blocks of" in note for note in grid.notes)
    assert grid.heads[-1] in render_markdown(content)
    assert "on the same test tokens" in render_latex(content)
    (pair,) = plain(content)["tables"][0]["pairs"]
    assert pair["tokens"]["difference"] == pytest.approx(0.07, abs=1e-6)
    assert "The 3,000 test tokens" in content.answers[0]
    assert "differ by 0.07 nats of loss there" in content.answers[0]
    assert any("Test tokens are a second kind" in said for said in content.sections[0].guardrail)


def test_a_baseline_stands_beside_every_seed(stored: Stored) -> None:
    content = stored({"lstm": [1.50, 1.52, 1.54], "baseline/kneser_ney": [1.6]})
    (pair,) = content.sections[0].pairs
    assert pair.tokens is not None
    assert pair.tokens.seeds == 3
    assert pair.tokens.difference == pytest.approx(0.08, abs=1e-6)


def test_other_tokens_are_left_out_and_told(stored: Stored) -> None:
    content = stored({"lstm": [1.5], "gru": [1.6], "cnn": [1.7]}, {"cnn": 8})
    told = [pair.tokens is not None for pair in content.sections[0].pairs]
    assert told == [True, False, False]
    (note,) = [note for note in content.notes if "its test tokens are not those of" in note]
    assert note.startswith("Not compared by example: docstrings-cnn-s0")


def test_a_damaged_file_is_told_whatever_the_folder(stored: Stored, tmp_path: Path) -> None:
    stored({"lstm": [1.5], "gru": [1.6]})
    (damaged,) = (tmp_path / "outputs").rglob("*gru*/token_losses.parquet")
    damaged.write_bytes(b"none")
    content = gather(tmp_path / "outputs")
    assert content.sections[0].pairs[0].tokens is None
    (note,) = [note for note in content.notes if "the token losses of a run" in note]
    assert "gru-s0" in note and "(token_losses.parquet: expected" in note
    assert str(tmp_path) not in note
