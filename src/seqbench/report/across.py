"""Several datasets at once: interquartile means and performance profiles of normalised scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqbench.report import numbers
from seqbench.report.statistics.across_tasks import (
    normalized,
    performance_profile,
    stratified_interval,
)
from seqbench.report.tables import Row, Table

THRESHOLDS = tuple(float(round(t, 2)) for t in np.linspace(0, 1, 51))


@dataclass(frozen=True)
class Scale:
    """How the scores of a dataset are normalised.

    Attributes:
        data: the dataset.
        floor: the score that becomes 0, and whose it is.
        ceiling: the score that becomes 1, and why.
    """

    data: str
    floor: tuple[float, str]
    ceiling: tuple[float, str]


@dataclass(frozen=True)
class Overall:
    """A configuration over all datasets; with one run of each, its interval is a point.

    Attributes:
        label: what to call it.
        n: runs over all datasets.
        mean: interquartile mean of its normalised scores.
        low: lower end of its 95 % interval, bootstrapped within each dataset.
        high: its upper end.
        profile: share of runs above each of THRESHOLDS.
    """

    label: str
    n: int
    mean: float
    low: float
    high: float
    profile: tuple[float, ...]


@dataclass(frozen=True)
class Across:
    """The configurations that were run on every dataset, the best first.

    Attributes:
        metric: the primary metric of all.
        scales: how each dataset's scores were normalised.
        rows: the configurations.
    """

    metric: str
    scales: tuple[Scale, ...]
    rows: tuple[Overall, ...]


def across(tables: Sequence[Table]) -> Across | None:
    """What can be said over all datasets; None with less than two that share a metric and models,
    or where all scores of one are alike.

    Configurations are matched by their label, which leaves out what follows from the data.
    """
    if len(tables) < 2 or len({table.primary for table in tables}) > 1:
        return None
    by_label = [{row.label: row for row in table.networks} for table in tables]
    shared = sorted(set.intersection(*(set(rows) for rows in by_label)))
    if not shared:
        return None
    scales = [_scale(table) for table in tables]
    if any(scale.floor[0] == scale.ceiling[0] for scale in scales):
        return None
    rows = [_overall(label, [rows[label] for rows in by_label], scales) for label in shared]
    ranked = sorted(rows, key=lambda row: (-row.mean, row.label))
    return Across(numbers.metric_name(tables[0].primary.name), tuple(scales), tuple(ranked))


def _scale(table: Table) -> Scale:
    """From the trivial baseline to what is possible; without bounds, from the worst to the best.

    The best may be a baseline: networks that lose to it must be seen to lose.
    """
    name, higher = table.primary.name, table.primary.higher_is_better
    worst, best = (min, max) if higher else (max, min)
    means = {row.label: row.score.mean for row in table.baselines if row.score.mean is not None}
    if means and higher and numbers.is_share(name):
        label = worst(means, key=lambda each: (means[each], each))
        return Scale(table.data, (means[label], label), (1.0, "perfect"))
    runs = [value for row in table.networks for value in row.by_seed(name).values()]
    ends = [(value, "a run") for value in runs]
    ends += [(value, label) for label, value in sorted(means.items())]
    low = worst(ends, key=lambda end: end[0])
    high = best(ends, key=lambda end: end[0])
    ceiling = (1.0, "perfect") if higher and numbers.is_share(name) else high
    return Scale(table.data, (low[0], f"the worst, {low[1]}"), (ceiling[0], _best(ceiling)))


def _best(end: tuple[float, str]) -> str:
    return end[1] if end[1] == "perfect" else f"the best, {end[1]}"


def _overall(label: str, rows: Sequence[Row], scales: Sequence[Scale]) -> Overall:
    by_task = [
        [normalized(value, scale.floor[0], scale.ceiling[0]) for value in sorted(
            row.by_seed(row.primary.name).values())]
        for row, scale in zip(rows, scales, strict=True)
    ]  # fmt: skip
    mean, low, high = stratified_interval(by_task, np.random.default_rng(0))
    pooled = [value for values in by_task for value in values]
    profile = tuple(performance_profile(pooled, THRESHOLDS))
    return Overall(label, len(pooled), mean, low, high, profile)
