"""Two studies of the same configurations: what changed from the first to the second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.report import numbers
from seqbench.report.pairs import lead
from seqbench.report.statistics.summary import Summary
from seqbench.report.tables import Row, Table


@dataclass(frozen=True)
class Change:
    """One configuration in both studies.

    Attributes:
        label: the configuration, without its study.
        before: its row in the first study.
        after: its row in the second.
        difference: after - before over equal seeds; positive where it became better.
    """

    label: str
    before: Row
    after: Row
    difference: Summary


@dataclass(frozen=True)
class Changes:
    """Two studies on one dataset.

    Attributes:
        data: the dataset.
        before: the name of the study that was named first.
        after: that of the other.
        rows: the configurations that both have.
        only: the labels that one of them lacks.
    """

    data: str
    before: str
    after: str
    rows: tuple[Change, ...]
    only: tuple[str, ...]

    @property
    def answer(self) -> str:
        """What changed, in a sentence."""
        named = f"On {self.data}, from {self.before} to {self.after}"
        if not self.rows:
            return f"{named}: the two have no configuration in common."
        parts = [_said(change) for change in self.rows]
        return f"{named}: {'; '.join(parts)}."


def changes(tables: Sequence[Table], order: Sequence[str]) -> tuple[Changes, ...]:
    """The differences between two studies, a table each; none unless there are exactly two.

    A configuration is matched by its config, or by its model where each study has one of it.

    Args:
        tables: with rows of both studies.
        order: the names of the studies, the one to be called `before` first.
    """
    if len(order) != 2:
        return ()
    both = set(order)
    shared = [table for table in tables if {row.study for row in table.rows} == both]
    return tuple(_changes(table, *order) for table in shared)


def _changes(table: Table, before: str, after: str) -> Changes:
    old = [row for row in table.rows if row.study == before]
    new = [row for row in table.rows if row.study == after]
    rows, unmatched = [], list(old)
    only = []
    for row in new:
        other = _same(row, unmatched) or _alone(row, old, new)
        if other is None or other not in unmatched:
            only.append(row.label)
            continue
        unmatched.remove(other)
        rows.append(Change(_bare(row), other, row, lead(row, other)))
    return Changes(table.data, before, after, tuple(rows), (*only, *(r.label for r in unmatched)))


def _same(row: Row, others: Sequence[Row]) -> Row | None:
    wanted = row.identity.partition("-")[0]
    return next((other for other in others if other.identity.partition("-")[0] == wanted), None)


def _alone(row: Row, old: Sequence[Row], new: Sequence[Row]) -> Row | None:
    """The only configuration of that model before, if there is one alone after it too."""
    before = [other for other in old if other.model == row.model]
    after = [other for other in new if other.model == row.model]
    return before[0] if len(before) == len(after) == 1 else None


def _bare(row: Row) -> str:
    return row.label.removesuffix(f" · {row.study}")


def _said(change: Change) -> str:
    name, found = change.after.primary.name, change.difference
    if found.mean is None:
        return f"{change.label} shares no seed"
    moved = numbers.difference(name, abs(found.mean)) + numbers.unit(name)
    way = "better" if found.mean > 0 else "worse"
    if found.low is None or found.high is None:
        if found.mean == 0:
            return f"{change.label} is the same in one seed"
        return f"{change.label} is {moved} {way} in one seed, which tells nothing for sure"
    interval = numbers.interval(name, found)
    if found.low > 0 or found.high < 0:
        return f"{change.label} is {moved} {way} ({interval})"
    if found.low == found.high == 0:
        return f"{change.label} is the same in all {found.n} seeds"
    return f"{change.label} cannot be told apart ({interval})"
