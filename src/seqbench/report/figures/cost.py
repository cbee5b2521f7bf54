"""Quality against cost (parameters, training FLOPs, time), and which ones are efficient."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from seqbench.report import numbers
from seqbench.report.figures.figure import (
    BASELINE_COLOUR,
    Figure,
    Plot,
    Variant,
    axis_title,
    colour,
    scale,
    short,
)
from seqbench.report.statistics.pareto import pareto_front
from seqbench.report.tables import Row, Table

_COSTS: tuple[tuple[str, str, str, Callable[[float | None], str]], ...] = (
    ("train_seconds", "by time", "seconds of training", numbers.duration),
    ("parameters", "by parameters", "trainable parameters", numbers.count),
    ("flops", "by FLOPs", "training FLOPs", numbers.count),
)
_NAMED = 8  # networks, and as many baselines, that the legend names


def quality_against_cost(table: Table) -> Figure | None:
    """A point a configuration, with the efficient ones joined: nothing is cheaper and better."""
    variants, said = [], []
    for cost, called, title, text in _COSTS:
        rows = [row for row in table.rows if row.score.n and (row.costs.get(cost) or 0) > 0]
        rows = [row for row in rows if _is_drawn(table, row)]
        if len(rows) < 2:
            continue
        front = _front(table, rows, cost)
        variants.append(Variant(called, _plot(table, rows, front, cost, title)))
        told = ", ".join(f"{row.label} ({text(row.costs[cost])})" for row in front)
        said.append(f"{called}, cheapest first: {told}")
    if not variants:
        return None
    return Figure(
        key="cost",
        title="Quality against cost",
        alt=f"Configurations that nothing cheaper equals, {'; '.join(said)}.",
        variants=tuple(variants),
        caption="The line joins configurations that no cheaper one equals (the Pareto front).",
    )


def _is_drawn(table: Table, row: Row) -> bool:
    """What lies far below all others would squeeze them together."""
    low, high = table.span
    return row.score.mean is not None and low <= row.score.mean <= high


def _front(table: Table, rows: Sequence[Row], cost: str) -> list[Row]:
    costs = [row.costs[cost] or 0.0 for row in rows]
    scores = [row.score.mean or 0.0 for row in rows]
    found = pareto_front(costs, scores, table.primary.higher_is_better)
    return [rows[place] for place in found]


def _plot(table: Table, rows: Sequence[Row], front: Sequence[Row], cost: str, title: str) -> Plot:
    factor = scale(table.primary.name)

    def xy(some: Sequence[Row]) -> dict[str, list[float]]:
        return {
            "x": [row.costs[cost] or 0.0 for row in some],
            "y": [factor * (row.score.mean or 0.0) for row in some],
        }

    joined = {
        "type": "scatter",
        "mode": "lines",
        **xy(front),
        "line": {"color": BASELINE_COLOUR, "width": 1.5, "dash": "dot"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    named = [*(row for row in rows if not row.baseline)][:_NAMED]
    named += [row for row in rows if row.baseline][:_NAMED]
    others = [row for row in rows if row not in named]
    points = [_points(table, [row], xy([row]), row.label) for row in named]
    if others:
        points.append(_points(table, others, xy(others), f"{len(others)} others"))
    layout = {
        "xaxis": {"title": {"text": title}, "type": "log", "dtick": "D2"},
        "yaxis": {"title": {"text": f"test {axis_title(table.primary.name)}"}},
    }
    return {"data": [joined, *points], "layout": layout}


def _points(table: Table, rows: Sequence[Row], xy: dict[str, list[float]], name: str) -> Plot:
    factor = scale(table.primary.name)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": short(name),
        **xy,
        "error_y": {
            "type": "data",
            "array": [factor * (row.score.half_width or 0.0) for row in rows],
            "thickness": 1.5 if len(rows) == 1 else 0.3,
        },
        "marker": {
            "color": colour(table, rows[0]),
            "size": 10 if len(rows) == 1 else 5,
            "symbol": "square" if rows[0].baseline else "circle",
        },
        "text": [html.escape(row.label) for row in rows],
        "hovertemplate": "%{text}: %{y:.4g} at %{x:.3g}<extra></extra>",
    }
