"""At equal what the networks of a table are compared: parameters, FLOPs, time, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from seqbench.records.record import BUDGET_TOLERANCE, Budget
from seqbench.report import numbers
from seqbench.report.tables import Row, Table

_CALLED = {"params": "parameters", "flops": "training FLOPs", "seconds": "training time"}
_NONE = "none"


def equal_clause(table: Table) -> str:
    """What the networks have alike by their budgets, for a sentence; empty where nothing."""
    held = [
        f"equal {called} ({_amount(kind, _first(table))})"
        for kind, called in _CALLED.items()
        if _is_held(table, kind)
    ]
    return f"at {' and '.join(held)}" if held else ""


def equal_means(table: Table) -> tuple[str, ...]:
    """How the budgets were met, in sentences; none where no network has one."""
    found = [line for kind in _CALLED for line in _of_kind(table, kind)]
    if found and table.baselines:
        found.append("No budget is for baselines: they have neither a width nor steps.")
    return tuple(found)


def _of_kind(table: Table, kind: str) -> Iterator[str]:
    called = _CALLED[kind]
    asked = {row.label: _asked(row, kind) for row in table.networks}
    if all(each == {_NONE} for each in asked.values()):
        return
    if not _is_alike(table, kind):
        told = "; ".join(f"{label}: {', '.join(sorted(each))}" for label, each in asked.items())
        yield f"Not all networks have one budget of {called}, compare them with care. {told}."
        return
    reached = sorted(_reached(table, kind))
    span = ""
    if reached:
        ends = (numbers.grouped(round(end)) if kind == "params" else _text(kind, end)
                for end in (reached[0], reached[-1]))  # fmt: skip
        span = " to ".join(dict.fromkeys(ends))
    lead = "Compared at equal" if len(table.networks) > 1 else "With a budget of"
    yield f"{lead} {called}: {_amount(kind, _first(table))}; reached were {span}."
    if kind == "params":
        yield f"Solved for were {_widths(table.networks)}; all else is as configured."
    else:
        yield from _not_used_up(table, called)
    if kind == "seconds":
        yield (
            "Where time ends the training the same command gives other bits each time, and other "
            "results on another machine."
        )


def _not_used_up(table: Table, called: str) -> Iterator[str]:
    runs = [(row.label, budget) for row in table.networks for budget in _budgets(row)]
    early = [label for label, budget in runs if budget.used_up is False]
    if early:
        models = ", ".join(dict.fromkeys(early))
        yield (
            f"{len(early)} of {len(runs)} runs ended before their {called} were used up, by early "
            f"stopping: {models}."
        )


def _widths(rows: Sequence[Row]) -> str:
    told = []
    for row in rows:
        widths = _budgets(row)[0].widths
        told.append(" ".join([row.label, *(f"{name}={width}" for name, width in widths.items())]))
    return ", ".join(told)


def _is_held(table: Table, kind: str) -> bool:
    """Whether networks, two at least, are compared at one such budget."""
    return len(table.networks) > 1 and _is_alike(table, kind)


def _is_alike(table: Table, kind: str) -> bool:
    """Whether all runs of all networks have one such budget."""
    asked = {each for row in table.networks for each in _asked(row, kind)}
    return len(asked) == 1 and asked != {_NONE}


def _asked(row: Row, kind: str) -> set[str]:
    """What the runs of a configuration were given, as text."""
    budgets = [run.record.budget for run in row.runs]
    return {
        _NONE if budget is None or getattr(budget, kind) is None else _amount(kind, budget)
        for budget in budgets
    }


def _amount(kind: str, budget: Budget) -> str:
    amount: Any = getattr(budget, kind)
    if kind != "params":
        return _text(kind, amount)
    embeddings = "" if budget.embeddings == "included" else ", input embeddings not counted"
    return f"{numbers.grouped(amount)} ± {100 * BUDGET_TOLERANCE:.0f} %{embeddings}"


def _text(kind: str, amount: float) -> str:
    return numbers.count(amount) if kind == "flops" else f"{amount:.4g} s"


def _first(table: Table) -> Budget:
    return next(budget for row in table.networks for budget in _budgets(row))


def _reached(table: Table, kind: str) -> list[float]:
    found = (
        getattr(budget, f"{kind}_reached") for row in table.networks for budget in _budgets(row)
    )
    return [each for each in found if each is not None]


def _budgets(row: Row) -> list[Budget]:
    return [run.record.budget for run in row.runs if run.record.budget is not None]
