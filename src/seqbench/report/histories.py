"""Learning curves: the validation scores of each run, read once for every axis and form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from seqbench.errors import RecordError
from seqbench.records.load import StoredRun
from seqbench.records.metrics import read_metrics
from seqbench.report.statistics.summary import summarize
from seqbench.report.tables import Row

AXES = ("step", "tokens", "seconds")


@dataclass(frozen=True)
class Point:
    """A validation of one configuration: the mean place on each axis, and the seeds' values."""

    step: float
    tokens: float
    seconds: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class Curves:
    """The curves of several configurations.

    Attributes:
        points: by the configuration's identity; without those that have no history.
        problems: why a run's history could not be read, by run id.
    """

    points: dict[str, list[Point]]
    problems: dict[str, str] = field(default_factory=dict)


def read_curves(rows: Iterable[Row], metric: str) -> Curves:
    """The k-th validation of every seed together, for as long as all seeds went.

    Seeds are aligned by how often they were validated: with batches of a token budget the steps
    of an epoch differ from seed to seed. A validation that some seeds did not reach (early
    stopping) is left out, for the mean would jump there.

    Args:
        rows: the configurations.
        metric: its name without the split, e.g. "accuracy".
    """
    found = Curves({})
    for row in rows:
        histories = _histories(row.runs, metric, found.problems)
        if points := [_point(seeds) for seeds in zip(*histories, strict=False)]:
            found.points[row.identity] = points
    return found


_Validation = tuple[float, float, float, float]


def _histories(
    runs: Sequence[StoredRun], metric: str, problems: dict[str, str]
) -> list[list[_Validation]]:
    found = []
    for run in runs:
        try:
            validations = _validations(run, metric)
        except RecordError as error:  # a record without its history is still a result
            problems[run.record.run_id] = _short(error, run)
            continue
        if validations:
            found.append(validations)
    return found


def _short(error: RecordError, run: StoredRun) -> str:
    # The page must be the same wherever the folder lies.
    if not run.folder.metrics.exists():
        return "it has no metrics.jsonl"
    return error.line().replace(f"{run.folder.path}/", "")


def _validations(run: StoredRun, metric: str) -> list[_Validation]:
    name = f"validation/{metric}"
    return [
        (row["step"], row["tokens"], row["seconds"], row[name])
        for row in read_metrics(run.folder.metrics)
        if all(isinstance(row.get(key), int | float) for key in (*AXES, name))
    ]


def _point(rows: tuple[_Validation, ...]) -> Point:
    step, tokens, seconds = (summarize(row[axis] for row in rows).mean or 0.0 for axis in range(3))
    return Point(step, tokens, seconds, tuple(row[3] for row in rows))
