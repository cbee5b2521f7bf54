"""The trials of searches: what they may be used for, and what not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from seqbench.records.load import Loaded, StoredRun
from seqbench.records.record import PRUNED, RunRecord
from seqbench.records.searches import (
    SEARCH,
    SearchPart,
    is_trial,
    named_runs,
    search_part,
)

_UNKNOWN = SearchPart(phase="trial", sampler="an unknown sampler", at_random=False)


def counted(loaded: Loaded) -> tuple[Loaded, list[str]]:
    """What was loaded without runs that a search has left behind, and a note on these.

    A winner that later trials have beaten has test scores, too. Next to those of the winner since,
    they would have the reader choose between the two by them: that is a search on the test split.
    For the same reason a run that no search has made is a trial where a search chose among it.
    """
    named = {study: named_runs(study) for study in {r.folder.path.parent for r in loaded.runs}}
    parts = {r.folder.path.parent: search_part(r.record.config) for r in trials_among(loaded.runs)}

    def judged(run: StoredRun) -> StoredRun | None:
        study, name = run.folder.path.parent, run.folder.path.name
        names = named[study]
        if names is None:
            return run
        if search_part(run.record.config) is not None:
            return run if name in names.trials | names.finals else None
        return _marked(run, parts.get(study) or _UNKNOWN) if name in names.trials else run

    kept = tuple(each for run in loaded.runs if (each := judged(run)) is not None)
    left = len(loaded.runs) - len(kept)
    note = (
        f"{left} runs of searches are left out: their study.json names them no more, since another "
        "trial has become the best, fewer fresh seeds are asked for, or the search was begun anew."
    )
    return replace(loaded, runs=kept), [note] if left else []


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


def _marked(run: StoredRun, part: SearchPart) -> StoredRun:
    """The run as one of the trials, which were made by the same search."""
    config = {**run.record.config, SEARCH: asdict(part)}
    return replace(run, record=replace(run.record, config=config))


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)
