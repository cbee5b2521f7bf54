"""What a search over hyperparameters says: which of them matter, and what a budget buys."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqbench.records.load import StoredRun
from seqbench.report.configurations import configuration_of, flatten, model_name
from seqbench.report.statistics.budget import expected_best
from seqbench.report.statistics.importance import Importance, fanova
from seqbench.report.statistics.summary import summarize
from seqbench.report.tables import Table
from seqbench.report.trials import no_budget_curve

MODEL, SEED = "model", "seed"
_FEWEST = 4  # configurations of a model that make a search
_WIDE = 10.0  # a positive number that spans this factor is looked at by its logarithm


@dataclass(frozen=True)
class Budget:
    """What tuning one architecture is expected to bring.

    Attributes:
        model: its name.
        best: the expected best validation score of 1, 2, … configurations drawn at random from
            those that were tried and came to a score.
        seconds: mean seconds of training that a configuration took.
        failed: configurations that came to none, and are left out.
    """

    model: str
    best: tuple[float, ...]
    seconds: float | None
    failed: int = 0


@dataclass(frozen=True)
class Search:
    """The runs of one table as a search over hyperparameters.

    Attributes:
        keys: the hyperparameters that vary, besides the model and the seed.
        logarithmic: those of them that are looked at by their logarithm.
        settings: the value of each key, of the model and of the seed, one a run.
        scores: the validation score of each run, by the table's primary metric.
        importance: shares of the variance of the scores; None where there is too little to tell.
        budgets: one for each architecture with enough configurations.
        refusal: why there are none although there are trials, in a sentence; else empty.
    """

    keys: tuple[str, ...]
    logarithmic: frozenset[str]
    settings: dict[str, list[Any]]
    scores: tuple[float, ...]
    importance: Importance | None
    budgets: tuple[Budget, ...]
    refusal: str = ""


def search(table: Table) -> Search | None:
    """The search that the trials of a table are, or its networks where there are no trials.

    None where no hyperparameter varies.

    Scores are those of validation: who looks at many settings must not look at the test split.
    """
    runs = list(table.trials) or [run for row in table.networks for run in row.runs]
    name = table.primary.name
    told = [(run, v) for run in runs if (v := run.record.scores.validation.get(name)) is not None]
    if not told:
        return None
    settings = varying([run for run, _ in told])
    if not settings:
        return None
    scores = tuple(value for _, value in told)
    refusal = no_budget_curve(table.trials)
    logarithmic = frozenset(key for key, values in settings.items() if _is_wide(values))
    every = {
        MODEL: [model_name(run.record) for run, _ in told],
        SEED: [str(run.record.seed) for run, _ in told],
        **settings,
    }
    return Search(
        keys=tuple(settings),
        logarithmic=logarithmic,
        settings=every,
        scores=scores,
        importance=fanova(_coded(every, logarithmic), scores),
        budgets=() if refusal else _budgets(table),
        refusal=refusal,
    )


def varying(runs: Sequence[StoredRun]) -> dict[str, list[Any]]:
    """The hyperparameters that differ between runs of one model, each with its value a run.

    What follows from the choice of the model (its class, options that only it has) does not vary.
    """
    flats = [flatten(configuration_of(run.record)) for run in runs]
    models = [model_name(run.record) for run in runs]
    found = {}
    for key in sorted({key for flat in flats for key in flat}):
        values = [_plain(flat.get(key)) for flat in flats]
        within: dict[str, set[Any]] = {}
        for model, value in zip(models, values, strict=True):
            within.setdefault(model, set()).add(value)
        if any(len(each) > 1 for each in within.values()):
            found[key] = values
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | bool | str | None) else repr(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_wide(values: Sequence[Any]) -> bool:
    there = [value for value in values if value is not None]
    return (
        bool(there)
        and all(_is_number(value) and value > 0 for value in there)
        and max(there) >= _WIDE * min(there)
    )


def _coded(
    settings: Mapping[str, Sequence[Any]], logarithmic: frozenset[str]
) -> dict[str, list[Any]]:
    """Settings for the forest: logarithms where they span much, text where kinds are mixed."""
    coded: dict[str, list[Any]] = {}
    for key, values in settings.items():
        if key in logarithmic and all(value is not None for value in values):
            coded[key] = [math.log10(value) for value in values]
        elif all(map(_is_number, values)):
            coded[key] = list(values)
        else:
            coded[key] = [str(value) for value in values]
    return {key: values for key, values in coded.items() if len(set(values)) > 1}


def _tried(table: Table) -> Iterator[tuple[str, float | None, float | None]]:
    """Each configuration: its model, its validation score and its seconds of training."""
    name = table.primary.name
    for run in table.trials:
        score = run.record.scores.validation.get(name)
        yield model_name(run.record), score, run.record.cost.train_seconds
    for row in table.networks if not table.trials else ():
        score = summarize(r.record.scores.validation.get(name) for r in row.runs).mean
        label = f"{row.model} · {row.study}" if row.study else row.model
        yield label, score, row.costs["train_seconds"]


def _budgets(table: Table) -> tuple[Budget, ...]:
    """A configuration counts once in its study, by its mean over seeds."""
    higher = table.primary.higher_is_better
    by_model: dict[str, list[tuple[float, float | None]]] = {}
    failed = Counter(model_name(run.record) for run in table.failed)
    for label, score, seconds in _tried(table):
        if score is None:
            failed[label] += 1
        else:
            by_model.setdefault(label, []).append((score, seconds))
    return tuple(
        Budget(
            model=model,
            best=tuple(expected_best([score for score, _ in found], higher)),
            seconds=summarize(seconds for _, seconds in found).mean,
            failed=failed[model],
        )
        for model, found in sorted(by_model.items())
        if len(found) >= _FEWEST
    )
