"""The columns of the table: what the terminal, Markdown, LaTeX and the page have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seqbench.report import numbers
from seqbench.report.tables import Row, Table

_USUAL = ("macro_f1", "calibration_error", "perplexity", "bits_per_character")


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and the number to sort by (None sorts last)."""

    text: str
    number: float | None


@dataclass(frozen=True)
class Column:
    """A column after the model's name.

    Attributes:
        head: its title.
        cell: what it says of a row.
        width: of the terminal that it needs to be shown: 0 always, 1 wide, 2 very wide.
    """

    head: str
    cell: Callable[[Row], Cell]
    width: int = 0


@dataclass(frozen=True)
class _CostColumn:
    head: str
    name: str
    text: Callable[[float | None], str]
    width: int


_COSTS = (
    _CostColumn("parameters", "parameters", numbers.count, 0),
    _CostColumn("FLOPs", "flops", numbers.count, 2),
    _CostColumn("training", "train_seconds", numbers.duration, 0),
    _CostColumn("tokens/s", "tokens_per_second", numbers.count, 0),
    _CostColumn("peak memory", "peak_memory_bytes", numbers.size, 2),
    _CostColumn("state", "state_bytes", numbers.size, 2),
)


def columns(table: Table) -> list[Column]:
    """The columns that some row has something to say in, after the model's name."""
    primary, *others = score_names(table)
    costs = [
        _cost(column)
        for column in _COSTS
        if any(row.costs.get(column.name) is not None for row in table.rows)
    ]
    return [
        Column(numbers.metric_name(primary), lambda row: _primary(primary, row)),
        Column("n", lambda row: Cell(str(row.score.n), row.score.n)),
        *(_score(name) for name in others),
        *costs,
    ]


def headers(table: Table) -> list[str]:
    """The heads of the columns, the model's first."""
    return ["model", *(column.head for column in columns(table))]


def cells(table: Table, row: Row) -> list[Cell]:
    """The cells of a row, after the model's name."""
    return [column.cell(row) for column in columns(table)]


def score_names(table: Table) -> list[str]:
    """The scores that are shown: the primary one, and the usual ones that are there."""
    there = {name for row in table.rows for name in row.scores}
    others = [name for name in _USUAL if name in there and name != table.primary.name]
    return [table.primary.name, *others]


def label(row: Row) -> str:
    """The model's name, baselines marked as such."""
    return f"{row.label} (baseline)" if row.baseline else row.label


def _primary(name: str, row: Row) -> Cell:
    return Cell(numbers.with_interval(name, row.score), row.score.mean)


def _score(name: str) -> Column:
    def cell(row: Row) -> Cell:
        mean = row.scores[name].mean if name in row.scores else None
        return Cell(numbers.score(name, mean), mean)

    return Column(numbers.metric_name(name), cell, width=1)


def _cost(column: _CostColumn) -> Column:
    def cell(row: Row) -> Cell:
        value = row.costs.get(column.name)
        return Cell(column.text(value), value)

    return Column(column.head, cell, column.width)
