"""The columns of the table: what the terminal, Markdown and the page have in common."""

from __future__ import annotations

from dataclasses import dataclass

from seqbench.report import numbers
from seqbench.report.tables import Row, Table

_ALWAYS = ("macro_f1", "calibration_error")


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and the number to sort by (None sorts last)."""

    text: str
    number: float | None


def headers(table: Table) -> list[str]:
    """The heads of the columns, the model's first."""
    scores = [numbers.metric_name(name) for name in score_names(table)]
    return ["model", *scores[:1], "n", *scores[1:], "parameters", "training", "tokens/s"]


def score_names(table: Table) -> list[str]:
    """The scores that are shown: the primary one, and the usual ones that are there."""
    there = {name for row in table.rows for name in row.scores}
    others = [name for name in _ALWAYS if name in there and name != table.primary.name]
    return [table.primary.name, *others]


def cells(table: Table, row: Row) -> list[Cell]:
    """The cells of a row, after the model's name."""
    primary, *others = score_names(table)
    costs = row.costs
    found = [
        Cell(numbers.with_interval(primary, row.score), row.score.mean),
        Cell(str(row.score.n), row.score.n),
    ]
    for name in others:
        mean = row.scores[name].mean if name in row.scores else None
        found.append(Cell(numbers.score(name, mean), mean))
    return [
        *found,
        Cell(numbers.count(costs["parameters"]), costs["parameters"]),
        Cell(numbers.duration(costs["train_seconds"]), costs["train_seconds"]),
        Cell(numbers.count(costs["tokens_per_second"]), costs["tokens_per_second"]),
    ]


def label(row: Row) -> str:
    """The model's name, baselines marked as such."""
    return f"{row.label} (baseline)" if row.baseline else row.label
