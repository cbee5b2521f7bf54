"""A search in a report: its trials choose, its winner's fresh seeds are reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.report.conftest import Store

from seqbench.records.searches import search_part
from seqbench.report.content import gather
from seqbench.report.figures.of_section import figures
from seqbench.report.write import write_report


def part(phase: str, **changes: Any) -> dict[str, Any]:
    return {"phase": phase, "sampler": "Random", "at_random": True, "pruner": None, **changes}


def searched(store: Store, *, finals: int = 3, **changes: Any) -> None:
    """Twelve trials with too good a test score, and the winner on fresh seeds."""
    for place in range(12):
        config = {"optimizer": {"lr": 10 ** (-4 + place / 4)}, "search": part("trial", **changes)}
        store(score=0.9 - abs(place - 7) / 20, config=config)
    for seed in range(1, finals + 1):
        config = {"optimizer": {"lr": 10 ** (-4 + 7 / 4)}, "search": part("final", **changes)}
        store(score=0.6 + seed / 100, seed=seed, config=config)


def test_only_fresh_seeds_are_test_results(store: Store, tmp_path: Path) -> None:
    searched(store)
    content = gather(tmp_path / "outputs")
    (section,) = content.sections
    (row,) = section.table.rows
    assert [run.record.seed for run in row.runs] == [1, 2, 3]
    assert row.score.mean == pytest.approx(0.62)
    assert len(section.table.trials) == 12
    assert "62.0" in section.answer
    told = "12 runs are trials of a search and in no table"
    assert any(note.startswith(told) for note in content.notes)


def test_random_trials_say_what_a_budget_buys(store: Store, tmp_path: Path) -> None:
    searched(store)
    (section,) = gather(tmp_path / "outputs").sections
    assert section.search is not None
    assert section.search.keys == ("optimizer.lr",)
    assert len(section.search.scores) == 12
    (budget,) = section.search.budgets
    scores = [run.record.scores.validation["accuracy"] for run in section.table.trials]
    assert len(budget.best) == 12
    assert budget.best[-1] == max(score for score in scores if score is not None)
    assert section.search.refusal == ""
    assert "budget" in [figure.key for figure in figures(section)]


def test_failed_trials_are_told_beside_the_curve(store: Store, tmp_path: Path) -> None:
    searched(store)
    store(status="failed", seed=8, config={"search": part("trial")})
    (section,) = gather(tmp_path / "outputs").sections
    assert section.search is not None
    (budget,) = section.search.budgets
    assert (len(budget.best), budget.failed) == (12, 1)
    (figure,) = (figure for figure in figures(section) if figure.key == "budget")
    assert figure.caption.endswith("since they failed: 1; with them it would be worse.")


def test_a_run_that_a_search_has_chosen_among_is_a_trial(store: Store, tmp_path: Path) -> None:
    plain = store(score=0.99, config={"optimizer": {"lr": 0.3}})
    trial = store(score=0.6, config={"optimizer": {"lr": 0.2}, "search": part("trial")})
    final = store(score=0.7, seed=1, config={"optimizer": {"lr": 0.3}, "search": part("final")})
    trials = [{"run_id": plain.run_id}, {"run_id": trial.run_id}]
    named = {"trials": trials, "finals": {"0": [final.run_id]}}
    (tmp_path / "outputs/architectures/study.json").write_text(json.dumps(named))
    content = gather(tmp_path / "outputs")
    (section,) = content.sections
    (row,) = section.table.rows
    assert [run.record.run_id for run in row.runs] == [final.run_id]
    assert len(section.table.trials) == 2
    assert any(note.startswith("2 runs are trials of a search") for note in content.notes)
    parts = [search_part(run.record.config) for run in section.table.trials]
    assert [each.sampler for each in parts if each is not None] == ["Random", "Random"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sampler": "TPE", "at_random": False}, "TPE went where earlier trials did well"),
        ({"pruner": "Median"}, "Median gave trials up, and what these would have reached is not"),
    ],
)
def test_other_searches_do_not_and_the_report_says_why(
    changes: dict[str, Any], why: str, store: Store, tmp_path: Path
) -> None:
    searched(store, **changes)
    content = gather(tmp_path / "outputs")
    (section,) = content.sections
    assert section.search is not None
    assert section.search.budgets == ()
    assert "budget" not in [figure.key for figure in figures(section)]
    assert sum(why in note for note in content.notes) == 1


def test_a_search_whose_winner_was_not_run_again_has_no_result(
    store: Store, tmp_path: Path
) -> None:
    searched(store, finals=0)
    (section,) = gather(tmp_path / "outputs").sections
    assert section.table.rows == ()
    assert section.answer == (
        "On docstrings there is a search of 12 completed trials, and none of its winner's runs on "
        "fresh seeds has a score yet: nothing can be said."
    )
    write_report(tmp_path / "outputs", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "there is a search of 12 completed trials" in page


def test_pruned_trials_are_no_failures(store: Store, tmp_path: Path) -> None:
    searched(store, pruner="Median")
    store(status="pruned", seed=9, config={"search": part("trial", pruner="Median")})
    content = gather(tmp_path / "outputs")
    assert content.failures == ()
    told = "13 runs are trials of a search, 1 of them given up early,"
    assert any(note.startswith(told) for note in content.notes)
    (section,) = content.sections
    assert len(section.table.trials) == 12


def test_what_a_search_has_left_behind_is_in_no_table(store: Store, tmp_path: Path) -> None:
    old = [
        store(score=0.5, config={"optimizer": {"lr": 0.1}, "search": part("trial")}),
        store(score=0.99, seed=1, config={"optimizer": {"lr": 0.1}, "search": part("final")}),
    ]
    trial = store(score=0.6, config={"optimizer": {"lr": 0.2}, "search": part("trial")})
    final = store(score=0.7, seed=1, config={"optimizer": {"lr": 0.2}, "search": part("final")})
    store(score=0.3, seed=5)  # no search's
    outputs = tmp_path / "outputs"
    named = {"trials": [{"run_id": trial.run_id}], "finals": {"3": [final.run_id]}}
    (outputs / "architectures" / "study.json").write_text(json.dumps(named))
    content = gather(outputs)
    (section,) = content.sections
    assert sorted(row.score.mean or 0.0 for row in section.table.rows) == [0.3, 0.7]
    assert [run.record.run_id for run in section.table.trials] == [trial.run_id]
    assert not {record.run_id for record in old} & {run.record.run_id for run in content.runs}
    assert sum(note.startswith("2 runs of searches are left out") for note in content.notes) == 1
    (outputs / "architectures" / "study.json").write_text("[" * 100_000)
    (section,) = gather(outputs).sections  # nothing says what counts
    assert len(section.table.rows) == 3
