from __future__ import annotations

from pathlib import Path

import pytest

from seqbench.records.record import Primary
from seqbench.report.content import gather
from seqbench.report.plain import plain


@pytest.fixture
def answers(store, tmp_path: Path):
    """Stores {model: scores by seed} and gives the answers."""

    def answers(scores: dict[str, list[float]], **changes) -> tuple[str, ...]:
        for model, values in scores.items():
            for seed, score in enumerate(values):
                store(model=model, seed=seed, score=score, **changes)
        return gather(tmp_path).answers

    return answers


TFIDF = "baseline/tfidf_regression"


def test_a_clear_lead(answers) -> None:
    (text,) = answers({"lstm": [0.70, 0.72, 0.71], "gru": [0.60, 0.62, 0.62], TFIDF: [0.5]})
    # differences 10, 10, 9 points: 9.667 ± 4.3027 · 0.5774 / √3 = 9.667 ± 1.434
    assert text == (
        "On docstrings, lstm reaches accuracy 71.0 ± 2.5 % (3 seeds): 9.7 points better than the "
        "next, gru (95 % interval 8.2 to 11.1 over 3 paired seeds). It beats the best baseline, "
        "tfidf_regression (accuracy 50.0 %) by 21.0 points (95 % interval 18.5 to 23.5)."
    )


def test_a_difference_within_the_noise(answers) -> None:
    (text,) = answers({"lstm": [0.70, 0.72, 0.71], "gru": [0.71, 0.69, 0.71], TFIDF: [0.705]})
    assert "but 3 paired seeds cannot tell it from gru (accuracy 70.3 ± 2.9 % (3 seeds))" in text
    assert "the difference is 0.7 points, 95 % interval \N{MINUS SIGN}4.5 to 5.8" in text
    assert "Whether it beats the best baseline, tfidf_regression (accuracy 70.5 %) is open" in text


def test_one_seed_is_no_evidence(answers) -> None:
    (text,) = answers({"lstm": [0.72], "gru": [0.70], TFIDF: [0.6]})
    assert "reaches accuracy 72.0 % (one seed), gru accuracy 70.0 % (one seed)" in text
    assert "with one seed in common nothing tells this difference from chance: run more" in text
    assert "In its only seed it is better than the best baseline, tfidf_regression" in text
    assert "how sure that is, one seed cannot say" in text


def test_a_baseline_that_wins(answers) -> None:
    (text,) = answers({"lstm": [0.60, 0.61, 0.60], TFIDF: [0.7]})
    assert "It does not beat the best baseline, tfidf_regression (accuracy 70.0 %): it is " in text
    assert "9.7 points worse" in text


def test_lower_can_be_better(answers) -> None:
    loss = Primary(name="perplexity", higher_is_better=False)
    (text,) = answers({"lstm": [3.0, 3.1, 3.2], "gru": [2.0, 2.1, 2.2]}, primary=loss)
    assert text.startswith("On docstrings, gru reaches perplexity 2.1 ± 0.25 (3 seeds): 1 better")


def test_baselines_alone_and_one_network_alone(answers, store, tmp_path: Path) -> None:
    (text,) = answers({TFIDF: [0.7], "baseline/majority": [0.1]})
    assert text == (
        "Of baselines alone, tfidf_regression is the best on docstrings: accuracy 70.0 %."
    )
    store(model="lstm", data="imdb", score=0.8)
    assert gather(tmp_path).answers[1] == "On imdb, lstm reaches accuracy 80.0 % (one seed)."


def test_no_shared_seed(store, tmp_path: Path) -> None:
    store(model="lstm", seed=0, score=0.7)
    store(model="gru", seed=1, score=0.6)
    assert "with no seed in common" in gather(tmp_path).answers[0]


def test_the_best_mean_may_lose_where_both_have_seeds(store, tmp_path: Path) -> None:
    for seed, (lstm, gru) in enumerate([(0.60, 0.62), (0.61, 0.63), (0.60, 0.62)]):
        store(model="lstm", seed=seed, score=lstm)
        store(model="gru", seed=seed, score=gru)
    for seed in (3, 4, 5):
        store(model="lstm", seed=seed, score=0.8)
    (text,) = gather(tmp_path).answers
    assert text.startswith("On docstrings, lstm reaches accuracy 70.")
    assert (
        "but over the 3 seeds that both have, gru (accuracy 62.3 ± 1.4 % (3 seeds)) is 2.0" in text
    )
    assert "cannot tell" not in text


def test_a_constant_baseline_needs_no_common_seed_on_either_side(store, tmp_path: Path) -> None:
    for seed, score in enumerate([0.60, 0.61, 0.62]):
        store(model="lstm", seed=seed, score=score)
    store(model=TFIDF, seed=0, score=0.7)
    (found,) = plain(gather(tmp_path))["tables"][0]["leads"]
    assert (found["first"], found["n"]) == ("tfidf_regression", 3)
    assert found["mean"] == pytest.approx(0.09)
    assert found["low"] > 0


def test_questions(store, tmp_path: Path) -> None:
    store(model="lstm")
    assert gather(tmp_path).question == "How well does lstm do on docstrings?"
    store(model="lstm", settings={"d_hidden": 64})
    assert gather(tmp_path).question == "Which lstm does best on docstrings? By how much?"
    store(model="gru")
    store(model="gru", data="imdb")
    expected = "Which does best on docstrings and imdb: gru or lstm? By how much?"
    assert gather(tmp_path).question == expected
    assert gather(tmp_path, "Mine?").question == "Mine?"
