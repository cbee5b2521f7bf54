"""Runs grouped into configurations, configurations ranked: one table a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from seqbench.records.load import StoredRun
from seqbench.records.record import COMPLETED, FAILED, Cost, Primary
from seqbench.report.configurations import (
    configuration_id,
    configuration_labels,
    data_id,
    data_labels,
    is_baseline,
    model_name,
)
from seqbench.report.statistics.summary import Summary, summarize
from seqbench.report.trials import trials_among, without_trials

COSTS = tuple(field.name for field in fields(Cost))


@dataclass(frozen=True)
class Row:
    """A configuration: its runs over seeds.

    Attributes:
        identity: equal for runs that differ by seed alone.
        label: what to call it.
        model: the option of the group `model`.
        baseline: whether it is one.
        study: which of several studies it belongs to; empty where there is one.
        primary: the metric to rank by.
        runs: its completed runs, by seed.
    """

    identity: str
    label: str
    model: str
    baseline: bool
    study: str
    primary: Primary
    runs: tuple[StoredRun, ...]

    @cached_property
    def scores(self) -> dict[str, Summary]:
        """Summary over seeds of every test score, by name."""
        names = sorted({name for run in self.runs for name in run.record.scores.test})
        return {name: summarize(self.by_seed(name).values()) for name in names}

    @cached_property
    def score(self) -> Summary:
        """Summary of the primary metric."""
        return summarize(self.by_seed(self.primary.name).values())

    @cached_property
    def costs(self) -> dict[str, float | None]:
        """Mean over seeds of every cost, by name."""
        records = [run.record for run in self.runs]
        return {name: summarize(getattr(r.cost, name) for r in records).mean for name in COSTS}

    def by_seed(self, name: str) -> dict[int, float]:
        """A test score by seed, those that are there."""
        values = {run.record.seed: run.record.scores.test.get(name) for run in self.runs}
        return {seed: value for seed, value in values.items() if value is not None}


@dataclass(frozen=True)
class Table:
    """The configurations of one dataset, the best first.

    Attributes:
        data: the option of the group `data`, with its files where several datasets share it.
        primary: the metric to rank by.
        rows: the configurations.
        trials: completed runs of a search, which are no rows: they were made to be chosen from.
        failed: those of its runs on this dataset that did not come to a score.
    """

    data: str
    primary: Primary
    rows: tuple[Row, ...]
    trials: tuple[StoredRun, ...] = ()
    failed: tuple[StoredRun, ...] = ()

    @cached_property
    def networks(self) -> list[Row]:
        """Rows with a score that are not baselines, the best first."""
        return [row for row in self.rows if not row.baseline and row.score.n]

    @cached_property
    def baselines(self) -> list[Row]:
        """Baselines with a score, the best first."""
        return [row for row in self.rows if row.baseline and row.score.n]

    @property
    def span(self) -> tuple[float, float]:
        """From where to where scores are worth drawing: networks and the best baseline.

        The floor (the majority class) would squeeze all others together.
        """
        ends = [
            end
            for row in [*self.networks, *self.baselines[:1]]
            for end in (row.score.min, row.score.max, row.score.low, row.score.high)
            if end is not None
        ]
        if not ends:
            return 0.0, 1.0
        low, high = min(ends), max(ends)
        # One score alone still needs an axis with some width.
        return (low, high) if high > low else (low - abs(low) / 20 - 1e-9, high + abs(high) / 20)


def build_tables(runs: Iterable[StoredRun]) -> list[Table]:
    """One table for each dataset and primary metric, from the completed runs.

    Runs ranked by different metrics are not comparable and never share a table. Configurations of
    different studies share a table, each with a row of its own.
    """
    runs = list(runs)
    studies = study_names(runs)
    names = data_labels([run.record for run in runs])
    groups: dict[tuple[str, Primary], list[StoredRun]] = {}
    failed: dict[str, list[StoredRun]] = {}
    for run in trials_among(runs):
        if run.record.status == FAILED:
            failed.setdefault(names[data_id(run.record)], []).append(run)
    for run in runs:
        primary = run.record.scores.primary
        if run.record.status == COMPLETED and primary is not None:
            groups.setdefault((names[data_id(run.record)], primary), []).append(run)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], item[0][1].name))
    return [
        Table(
            data,
            primary,
            _rows(without_trials(group), primary, studies),
            tuple(trials_among(group)),
            tuple(failed.get(data, ())),
        )
        for (data, primary), group in ordered
    ]


def study_names(runs: Iterable[StoredRun]) -> dict[Path, str]:
    """A name for each folder of runs: its own, with those above it where several are alike.

    It is the empty name where there is one folder alone.
    """
    folders = sorted({run.folder.path.resolve().parent for run in runs})
    if len(folders) < 2:
        return dict.fromkeys(folders, "")
    for depth in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = {folder: "/".join(folder.parts[-depth:]) for folder in folders}
        if len(set(names.values())) == len(folders):
            break
    return names


def _rows(
    runs: Sequence[StoredRun], primary: Primary, studies: Mapping[Path, str]
) -> tuple[Row, ...]:
    labels = configuration_labels([run.record for run in runs])
    members: dict[tuple[str, str], list[StoredRun]] = {}
    for run in runs:
        study = studies[run.folder.path.resolve().parent]
        members.setdefault((configuration_id(run.record), study), []).append(run)
    rows = [
        Row(
            identity=f"{configuration}-{study}" if study else configuration,
            label=f"{labels[configuration]} · {study}" if study else labels[configuration],
            model=model_name(group[0].record),
            baseline=is_baseline(group[0].record),
            study=study,
            primary=primary,
            runs=tuple(sorted(group, key=lambda run: (run.record.seed, run.record.run_id))),
        )
        for (configuration, study), group in members.items()
    ]
    return tuple(sorted(rows, key=_rank))


def _rank(row: Row) -> tuple[bool, float, str]:
    mean = row.score.mean
    if mean is None:
        return True, 0.0, row.label
    return False, -mean if row.primary.higher_is_better else mean, row.label
