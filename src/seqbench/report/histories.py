"""Learning curves: the validation scores of each run, read once for every axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seqbench.errors import RecordError
from seqbench.records.load import StoredRun
from seqbench.records.metrics import read_metrics
from seqbench.report.statistics.summary import summarize

AXES = ("step", "tokens", "seconds")


@dataclass(frozen=True)
class Point:
    """A validation of one configuration: the mean place on each axis, and the seeds' values."""

    step: float
    tokens: float
    seconds: float
    values: tuple[float, ...]


def curve(runs: Iterable[StoredRun], metric: str) -> list[Point]:
    """The k-th validation of every seed together, for as long as all seeds went.

    Seeds are aligned by how often they were validated: with batches of a token budget the steps
    of an epoch differ from seed to seed. A validation that some seeds did not reach (early
    stopping) is left out, for the mean would jump there.

    Args:
        runs: of one configuration.
        metric: its name without the split, e.g. "accuracy".
    """
    histories = [rows for run in runs if (rows := _validations(run, metric))]
    return [_point(rows) for rows in zip(*histories, strict=False)]


_Validation = tuple[float, float, float, float]


def _validations(run: StoredRun, metric: str) -> list[_Validation]:
    name = f"validation/{metric}"
    try:
        history = read_metrics(run.folder.metrics)
    except RecordError:
        return []  # a record without its history is still a result
    return [
        (row["step"], row["tokens"], row["seconds"], row[name])
        for row in history
        if all(isinstance(row.get(key), int | float) for key in (*AXES, name))
    ]


def _point(rows: tuple[_Validation, ...]) -> Point:
    step, tokens, seconds = (summarize(row[axis] for row in rows).mean or 0.0 for axis in range(3))
    return Point(step, tokens, seconds, tuple(row[3] for row in rows))
