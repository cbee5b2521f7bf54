"""What the runs said of each test example: read once, compared example by example."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import RecordError
from seqbench.records.load import StoredRun
from seqbench.records.predictions import Outcomes, read_outcomes, read_texts
from seqbench.report.tables import Row

SEEDS_READ = 10  # of a configuration: more change no figure that is drawn from examples
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """The test examples as the contenders of one table saw them.

    Attributes:
        by_row: the outcomes of each configuration that has any, by its identity and seed.
        problems: why a run's predictions could not be used, by run id.
    """

    by_row: dict[str, dict[int, Outcomes]]
    problems: dict[str, str] = field(default_factory=dict)

    @cached_property
    def targets(self) -> NDArray[np.int64]:
        """The true class of each example, shape N; empty where no run has predictions."""
        for outcomes in self.by_row.values():
            for outcome in outcomes.values():
                return outcome.targets
        return np.empty(0, dtype=np.int64)

    def correct(self, row: Row, seed: int) -> NDArray[np.bool_] | None:
        """Whether each example was classified rightly in this run, shape N."""
        outcome = self.by_row.get(row.identity, {}).get(seed)
        return None if outcome is None else outcome.predictions == outcome.targets

    def share_correct(self, row: Row) -> Shares | None:
        """The share of seeds that got each example right, shape N."""
        outcomes = self.by_row.get(row.identity)
        if not outcomes:
            return None
        right = [o.predictions == o.targets for _, o in sorted(outcomes.items())]
        return np.asarray(np.mean(right, axis=0), dtype=np.float64)

    def seeds(self, row: Row) -> list[int]:
        """The seeds of a configuration that have predictions."""
        return sorted(self.by_row.get(row.identity, {}))


def read_examples(rows: Iterable[Row]) -> Examples:
    """The outcomes of the first runs of each configuration.

    A run whose test examples are not those of the others (other data under the same name) is left
    out, and said.
    """
    by_row: dict[str, dict[int, Outcomes]] = {}
    problems: dict[str, str] = {}
    first: Outcomes | None = None
    for row in rows:
        for run in row.runs[:SEEDS_READ]:
            if run.record.scores.confusion is None:
                continue  # of a task without classes
            try:
                outcome = read_outcomes(run.folder.predictions)
            except RecordError as error:
                problems[run.record.run_id] = _short(error, run)
                continue
            if first is not None and not _same_examples(first, outcome):
                problems[run.record.run_id] = "its test examples are not those of the others"
                continue
            first = first or outcome
            by_row.setdefault(row.identity, {})[run.record.seed] = outcome
    return Examples(by_row, problems)


def _same_examples(first: Outcomes, second: Outcomes) -> bool:
    return np.array_equal(first.rows, second.rows) and np.array_equal(first.targets, second.targets)


def _short(error: RecordError, run: StoredRun) -> str:
    # The page must be the same wherever the folder lies.
    if not run.folder.predictions.exists():
        return "it has no predictions.parquet"
    return error.line().replace(f"{run.folder.path}/", "")


@dataclass(frozen=True)
class Disagreement:
    """A test example that some configurations get right and others wrong.

    Attributes:
        row: its row of the test split.
        text: its beginning.
        target: its true class.
        said: by configuration's label: the class that most of its seeds named, and the share of
            its seeds that were right.
    """

    row: int
    text: str
    target: str
    said: dict[str, tuple[str, float]]


@dataclass(frozen=True)
class Agreement:
    """How much the contenders of a table agree on the test examples.

    Attributes:
        n: test examples.
        all_right: share that every run got right.
        all_wrong: share that every run got wrong: hard, or wrongly labelled.
        disagreements: examples that divide the configurations most.
    """

    n: int
    all_right: float
    all_wrong: float
    disagreements: tuple[Disagreement, ...]


def agreement(rows: Sequence[Row], examples: Examples, *, most: int = 12) -> Agreement | None:
    """Where configurations agree, and where not; None with less than two that have predictions.

    The examples that divide them most are those with the greatest distance between the best and
    the worst configuration's share of seeds that are right; of equal ones, every n-th is taken,
    so that not all come from the beginning of the split.
    """
    shares = {row.identity: examples.share_correct(row) for row in rows}
    seen = [row for row in rows if shares[row.identity] is not None]
    if len(seen) < 2:
        return None
    share_RN = np.array([shares[row.identity] for row in seen])
    spread_N = share_RN.max(axis=0) - share_RN.min(axis=0)
    return Agreement(
        n=share_RN.shape[1],
        all_right=float((share_RN.min(axis=0) == 1).mean()),
        all_wrong=float((share_RN.max(axis=0) == 0).mean()),
        disagreements=_divided(seen, share_RN, spread_N, examples, most),
    )


def _divided(
    rows: Sequence[Row], share_RN: Shares, spread_N: Shares, examples: Examples, most: int
) -> tuple[Disagreement, ...]:
    if not spread_N.size or spread_N.max() == 0:
        return ()
    # Balanced ones first: one model against all others says less than half against half.
    balance_N = -np.abs(share_RN.mean(axis=0) - 0.5)
    order = np.lexsort((np.arange(len(spread_N)), -np.round(balance_N, 6), -np.round(spread_N, 6)))
    alike = order[
        (spread_N[order] == spread_N[order[0]]) & (balance_N[order] == balance_N[order[0]])
    ]
    chosen = alike[:: max(1, len(alike) // most)][:most] if len(alike) > most else order[:most]
    chosen = chosen[spread_N[chosen] > 0]
    places = [int(place) for place in chosen]
    outcome = next(iter(examples.by_row[rows[0].identity].values()))
    ids = [int(outcome.rows[place]) for place in places]
    texts = _texts(rows, examples, ids)
    labels = _labels(rows)
    return tuple(
        Disagreement(
            row=row,
            text=texts.get(row, ""),
            target=_named(labels, int(outcome.targets[place])),
            said={
                row_.label: (_majority(row_, place, examples, labels), float(share_RN[i, place]))
                for i, row_ in enumerate(rows)
            },
        )
        for row, place in zip(ids, places, strict=True)
    )


def _majority(row: Row, place: int, examples: Examples, labels: Sequence[str]) -> str:
    said = [int(o.predictions[place]) for o in examples.by_row[row.identity].values()]
    classes, counts = np.unique(said, return_counts=True)
    return _named(labels, int(classes[counts.argmax()]))


def _labels(rows: Sequence[Row]) -> list[str]:
    for row in rows:
        for run in row.runs:
            if run.record.scores.confusion is not None:
                return run.record.scores.confusion.labels
    return []


def _named(labels: Sequence[str], class_id: int) -> str:
    return labels[class_id] if class_id < len(labels) else f"class {class_id}"


def _texts(rows: Sequence[Row], examples: Examples, ids: Sequence[int]) -> dict[int, str]:
    """The texts of these examples, from the first run that has them."""
    for row in rows:
        for run in row.runs:
            if run.record.seed in examples.by_row.get(row.identity, {}):
                try:
                    return read_texts(run.folder.predictions, ids)
                except RecordError:
                    continue
    return {}
