"""At equal what the networks of a table are compared: parameters, FLOPs, time, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from seqbench.records.record import BUDGET_TOLERANCE, Budget
from seqbench.report import numbers
from seqbench.report.tables import Row, Table

_CALLED = {"params": "parameters", "flops": "training FLOPs", "seconds": "training time"}
_Asked = tuple[float, str]  # how much, and whether embeddings count among parameters


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
    if all(each == {None} for each in asked.values()):
        return
    if not _is_alike(table, kind):
        told = "; ".join(f"{label}: {_told(kind, each)}" for label, each in asked.items())
        yield f"Not all networks have one budget of {called}, compare them with care. {told}."
        return
    lead = "Compared at equal" if _is_held(table, kind) else "With a budget of"
    yield f"{lead} {called}: {_amount(kind, _first(table))}{_span(table, kind)}."
    if kind == "params":
        yield f"Solved for were {_widths(table.networks)}; all else is as configured."
    else:
        yield from _not_met(table, kind)
    if kind == "seconds":
        yield (
            "Where time ends the training the same command gives other bits each time, and other "
            "results on another machine."
        )


def _span(table: Table, kind: str) -> str:
    budgets = [budget for row in table.networks for budget in _budgets(row)]
    reached = sorted(each for budget in budgets if (each := _reached(budget, kind)) is not None)
    if not reached:
        return ""
    ends = (
        numbers.grouped(round(end)) if kind == "params" else _text(kind, end)
        for end in (reached[0], reached[-1])
    )
    return f"; reached were {' to '.join(dict.fromkeys(ends))}"


def _not_met(table: Table, kind: str) -> Iterator[str]:
    """Which runs came to less or more, and of which nobody knows."""
    called, percent = _CALLED[kind], f"{100 * BUDGET_TOLERANCE:.0f} %"
    runs = [(row.label, budget) for row in table.networks for budget in _budgets(row)]
    shares = [(label, budget, _share(budget, kind)) for label, budget in runs]
    found = {
        f"ended before their {called} were used up": [
            label for label, budget, _ in shares if budget.used_up is False
        ],
        f"went more than {percent} beyond it with their last step": [
            label for label, _, share in shares if share and share > 1 + BUDGET_TOLERANCE
        ],
        "do not tell what they came to": [label for label, _, share in shares if share is None],
    }
    for what, labels in found.items():
        if labels:
            yield f"{len(labels)} of {len(runs)} runs {what}: {', '.join(dict.fromkeys(labels))}."


def _widths(rows: Sequence[Row]) -> str:
    told = []
    for row in rows:
        texts = (
            " ".join(f"{name}={width}" for name, width in budget.widths.items())
            for budget in _budgets(row)
        )
        told.append(f"{row.label} {' or '.join(dict.fromkeys(texts))}")
    return ", ".join(told)


def _is_held(table: Table, kind: str) -> bool:
    """Whether networks, two at least, are compared at one such budget, and all came to it."""
    budgets = [budget for row in table.networks for budget in _budgets(row)]
    return (
        len(table.networks) > 1
        and _is_alike(table, kind)
        and all(_is_met(budget, kind) for budget in budgets)
    )


def _is_met(budget: Budget, kind: str) -> bool:
    share = _share(budget, kind)
    return share is not None and abs(share - 1) <= BUDGET_TOLERANCE


def _share(budget: Budget, kind: str) -> float | None:
    """What was reached of what was asked for, as a share of it."""
    reached = _reached(budget, kind)
    asked: float = getattr(budget, kind)
    return None if reached is None else reached / asked


def _is_alike(table: Table, kind: str) -> bool:
    """Whether all runs of all networks have one such budget."""
    asked = {each for row in table.networks for each in _asked(row, kind)}
    return len(asked) == 1 and asked != {None}


def _asked(row: Row, kind: str) -> set[_Asked | None]:
    """What the runs of a configuration were given; None for nothing."""
    return {
        None
        if (budget := run.record.budget) is None or getattr(budget, kind) is None
        else (getattr(budget, kind), budget.embeddings if kind == "params" else "included")
        for run in row.runs
    }


def _told(kind: str, asked: set[_Asked | None]) -> str:
    """Exactly: what differs is not to look alike."""
    texts = []
    for each in asked:
        if each is None:
            texts.append("none")
        elif kind == "params":
            texts.append(_params(*each))
        else:
            texts.append(f"{each[0]:,.15g}{' s' if kind == 'seconds' else ''}")
    return ", ".join(sorted(texts))


def _amount(kind: str, budget: Budget) -> str:
    amount: Any = getattr(budget, kind)
    return _params(amount, budget.embeddings) if kind == "params" else _text(kind, amount)


def _params(amount: float, embeddings: str) -> str:
    apart = "" if embeddings == "included" else ", input embeddings not counted"
    return f"{numbers.grouped(round(amount))} ± {100 * BUDGET_TOLERANCE:.0f} %{apart}"


def _text(kind: str, amount: float) -> str:
    return numbers.count(amount) if kind == "flops" else f"{amount:.4g} s"


def _first(table: Table) -> Budget:
    return next(budget for row in table.networks for budget in _budgets(row))


def _reached(budget: Budget, kind: str) -> float | None:
    reached: float | None = getattr(budget, f"{kind}_reached")
    return reached


def _budgets(row: Row) -> list[Budget]:
    return [run.record.budget for run in row.runs if run.record.budget is not None]
