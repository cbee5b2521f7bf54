from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqbench.report.claims import Judged
from seqbench.report.content import gather
from seqbench.report.grids import evidence

CLAIM: dict[str, Any] = {
    "claim": "GRU beats LSTM",
    "metric": "accuracy",
    "first": {"model": "gru"},
    "second": {"model": "lstm"},
    "direction": "greater",
    "smallest_effect": 0.01,
}


@pytest.fixture
def judged(store, tmp_path: Path):
    """Stores {model: scores by seed} of a study with one claim, and gives its verdicts."""

    def judged(scores: dict[str, list[float]], **changes: Any) -> tuple[Judged, ...]:
        claim = {**CLAIM, **changes}
        for model, values in scores.items():
            for seed, score in enumerate(values):
                store(model=model, seed=seed, score=score, config={"claims": [claim]})
        return gather(tmp_path).claims

    return judged


@pytest.mark.parametrize(
    ("gru", "direction", "expected"),
    [
        # differences 5, 5, 6 points: 5.33 ± 4.303 · 0.577 / √3 = 5.33 ± 1.43
        ([0.65, 0.66, 0.66], "greater", "supported"),
        ([0.65, 0.66, 0.66], "less", "refuted"),
        ([0.65, 0.66, 0.66], "equal", "refuted"),
        ([0.66, 0.58, 0.64], "greater", "inconclusive"),
        # differences 0.1, 0.2, 0.1 points: within one point either way
        ([0.601, 0.612, 0.601], "equal", "supported"),
        ([0.601, 0.612, 0.601], "greater", "refuted"),
    ],
)
def test_verdicts(judged, gru: list[float], direction: str, expected: str) -> None:
    (found,) = judged({"gru": gru, "lstm": [0.60, 0.61, 0.60]}, direction=direction)
    assert found.verdict == expected
    assert found.effect.n == 3
    assert found.data == "docstrings"


def test_a_cost_as_a_share(judged) -> None:
    """Generated runs take 30, 35, 40 seconds whatever the model: an effect of exactly 0."""
    changes = {"metric": "train_seconds", "relative": True, "direction": "equal"}
    (found,) = judged({"gru": [0.5] * 3, "lstm": [0.5] * 3}, smallest_effect=0.05, **changes)
    assert found.verdict == "supported"
    assert evidence(found) == (
        "training time of gru = lstm, smallest effect 5.0 %: 0.0 %, "
        "95 % interval 0.0 % to 0.0 % over 3 seeds"
    )


def test_a_baseline_stands_beside_every_seed(judged) -> None:
    scores = {"gru": [0.65, 0.66, 0.66], "baseline/tfidf_regression": [0.60]}
    (found,) = judged(scores, second={"model": "baseline/tfidf_regression"})
    assert (found.verdict, found.effect.n) == ("supported", 3)
    assert found.effect.mean == pytest.approx(0.17 / 3)


def test_other_settings_are_held_equal(store, tmp_path: Path) -> None:
    """Of a grid of two widths, each is compared with its own kind; seeds are the unit."""
    for width, offset in ((16, 0.0), (32, 0.1)):
        for seed in range(3):
            for deep in (False, True):
                score = 0.5 + offset + 0.02 * deep + 0.001 * seed * deep
                claim = {**CLAIM, "first": {"model.deep": True}, "second": {"model.deep": False}}
                settings = {"deep": deep, "width": width}
                store(seed=seed, score=score, settings=settings, config={"claims": [claim]})
    (found,) = gather(tmp_path).claims
    assert found.effect.n == 3
    assert found.effect.mean == pytest.approx(0.021)
    assert found.verdict == "supported"


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ({"gru": [0.5, 0.6]}, "no completed run with accuracy belongs to the second side"),
        ({"gru": [0.6], "lstm": [0.5]}, "one seed allows no interval"),
        ({"cnn": [0.6], "bow": [0.5]}, "no completed run with accuracy belongs to the first side"),
    ],
)
def test_what_cannot_be_judged_says_why(judged, scores, reason: str) -> None:
    (found,) = judged(scores)
    assert (found.verdict, found.reason) == ("inconclusive", reason)
    assert reason in evidence(found)


def _with_rates(store, rates: dict[str, tuple[float, ...]], scores: dict[str, float]) -> None:
    for model, each in rates.items():
        for lr in each:
            for seed in range(2):
                config = {"claims": [CLAIM], "optimizer": {"lr": lr}}
                store(model=model, seed=seed, score=scores[model], config=config)


def test_winners_of_searches_are_paired_by_seed(store, tmp_path: Path) -> None:
    """Each side is one configuration with a rate of its own, which is told."""
    _with_rates(store, {"gru": (0.1,), "lstm": (0.2,)}, {"gru": 0.7, "lstm": 0.6})
    (found,) = gather(tmp_path).claims
    assert (found.verdict, found.effect.n, found.own) == ("supported", 2, ("optimizer.lr",))
    assert evidence(found).endswith("over 2 seeds, each with its own optimizer.lr")


def test_settings_that_differ_beside_the_contrast(store, tmp_path: Path) -> None:
    """Which of the two rates of one side would stand beside the other side's?"""
    _with_rates(store, {"gru": (0.1, 0.3), "lstm": (0.2,)}, {"gru": 0.7, "lstm": 0.6})
    (found,) = gather(tmp_path).claims
    assert found.reason == "the two sides share no seed with settings that are equal otherwise"
    assert found.own == ()


def test_a_claim_made_afterwards_is_told(store, tmp_path: Path) -> None:
    for model in ("gru", "lstm"):
        for seed in range(2):
            config = {"claims": [CLAIM]} if model == "gru" else {}
            store(model=model, seed=seed, config=config)
    assert any("only some of the runs knew" in note for note in gather(tmp_path).notes)


def test_a_claim_changed_by_hand_is_told(store, tmp_path: Path) -> None:
    store(config={"claims": [{"claim": "x"}]})
    assert any("A claim cannot be judged: claims[0]" in note for note in gather(tmp_path).notes)


def test_unequal_settings_are_no_pair(store, tmp_path: Path) -> None:
    """GRU was run at one width, LSTM at two: the equal width alone is compared."""
    config = {"claims": [CLAIM]}
    for seed in range(3):
        store(model="gru", seed=seed, score=0.60, settings={"h": 64}, config=config)
        store(model="lstm", seed=seed, score=0.65, settings={"h": 64}, config=config)
        store(model="lstm", seed=seed, score=0.30, settings={"h": 512}, config=config)
    (found,) = gather(tmp_path).claims
    assert found.effect.mean == pytest.approx(-0.05)
    assert found.verdict == "refuted"


def test_each_study_is_judged_by_its_own_runs(store, tmp_path: Path) -> None:
    for study, gru, config in (("a", 0.7, {"claims": [CLAIM]}), ("b", 0.3, {})):
        for seed in range(2):
            store(model="gru", seed=seed, score=gru, study=study, config=config)
            store(model="lstm", seed=seed, score=0.6, study=study, config=config)
    content = gather(tmp_path / "outputs")
    (found,) = content.claims
    assert (found.data, found.verdict) == ("docstrings · a", "supported")
    assert not any("only some of the runs" in note for note in content.notes)


def test_a_baseline_with_several_seeds(judged) -> None:
    scores = {"gru": [0.65, 0.66, 0.66], "baseline/tfidf_regression": [0.60, 0.61, 0.60]}
    (found,) = judged(scores, second={"model": "baseline/tfidf_regression"})
    assert (found.verdict, found.effect.n) == ("supported", 3)
    assert found.effect.mean == pytest.approx(0.16 / 3)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ({"model.dropuot": None}, "no run has the setting model.dropuot"),
        ({"seed": 0}, "some runs belong to both sides"),
    ],
)
def test_sides_that_cannot_be_told_apart(judged, first: dict[str, Any], reason: str) -> None:
    (found,) = judged({"gru": [0.6, 0.6], "lstm": [0.5, 0.5]}, first=first)
    assert (found.verdict, found.reason) == ("inconclusive", reason)


def test_datasets_set_beside_each_other(store, tmp_path: Path) -> None:
    claim = {**CLAIM, "first": {"data": "imdb"}, "second": {"data": "docstrings"}}
    for data, score in (("imdb", 0.9), ("docstrings", 0.6)):
        for seed in range(2):
            store(data=data, seed=seed, score=score, config={"claims": [claim]})
    (found,) = gather(tmp_path).claims
    assert (found.data, found.verdict) == ("docstrings and imdb", "supported")
    assert found.effect.mean == pytest.approx(0.3)


def test_a_bad_claim_takes_no_other_with_it(store, tmp_path: Path) -> None:
    for model, score in (("gru", 0.7), ("lstm", 0.6)):
        for seed in range(2):
            store(model=model, seed=seed, score=score, config={"claims": [{"claim": 1}, CLAIM]})
    content = gather(tmp_path)
    assert [judged.verdict for judged in content.claims] == ["supported"]
    assert any("A claim cannot be judged: claims[0]" in note for note in content.notes)
