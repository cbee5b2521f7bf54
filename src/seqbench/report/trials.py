"""The trials of searches: what they may be used for, and what not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from seqbench.records.load import Loaded, StoredRun
from seqbench.records.record import PRUNED, RunRecord
from seqbench.records.searches import is_trial, named_runs, search_part


def counted(loaded: Loaded) -> tuple[Loaded, list[str]]:
    """What was loaded without runs that a search has left behind, and a note on these.

    A winner that later trials have beaten has test scores, too. Next to those of the winner since,
    they would have the reader choose between the two by them: that is a search on the test split.
    """
    named = {study: named_runs(study) for study in {r.folder.path.parent for r in loaded.runs}}

    def counts(run: StoredRun) -> bool:
        names = named[run.folder.path.parent]
        is_of_search = search_part(run.record.config) is not None
        return names is None or not is_of_search or run.folder.path.name in names

    kept = tuple(run for run in loaded.runs if counts(run))
    left = len(loaded.runs) - len(kept)
    if not left:
        return loaded, []
    note = (
        f"{left} runs of searches are left out: their study.json names them no more, since "
        "another trial has become the best, or the search was begun anew."
    )
    return replace(loaded, runs=kept), [note]


def without_trials(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """The runs whose test scores are results: a trial was made to be chosen from."""
    return [run for run in runs if not is_trial(run.record.config)]


def trials_among(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """The trials among runs."""
    return [run for run in runs if is_trial(run.record.config)]


def no_budget_curve(trials: Sequence[StoredRun]) -> str:
    """Why these trials do not tell what a tuning budget buys; empty where they do."""
    parts = [part for run in trials if (part := search_part(run.record.config)) is not None]
    adaptive = sorted({part.sampler for part in parts if not part.at_random})
    pruners = sorted({part.pruner for part in parts if part.pruner is not None})
    why = ""
    if adaptive:
        why = f"{_listed(adaptive)} went where earlier trials did well"
    elif pruners:
        why = f"{_listed(pruners)} gave trials up, and what these would have reached is not known"
    return (
        f"No curve of the expected best score by tuning budget is drawn: {why}, and the curve "
        "holds for trials that are drawn at random and trained to their end."
        if why
        else ""
    )


def notes_on_trials(records: Iterable[RunRecord]) -> list[str]:
    """How many runs are trials, and that their test scores are not shown."""
    trials = [record for record in records if is_trial(record.config)]
    if not trials:
        return []
    pruned = sum(record.status == PRUNED for record in trials)
    given_up = f", {pruned} of them given up early," if pruned else ""
    return [
        f"{len(trials)} runs are trials of a search{given_up} and in no table: one of them was "
        "chosen by its validation score, and a test score of what was chosen among is too good. "
        "The tables hold the chosen configurations, run again on fresh seeds."
    ]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)
