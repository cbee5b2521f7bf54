"""Learning curves: the validation score against steps, tokens and time."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqbench.report import numbers
from seqbench.report.figures.figure import (
    Figure,
    Plot,
    Variant,
    axis_title,
    best_few,
    colour,
    drawn,
    faint,
    line,
    scale,
)
from seqbench.report.histories import Curves, Point
from seqbench.report.tables import Row, Table

_AXES = {"steps": ("step", "optimizer steps"), "tokens": ("tokens", "training tokens")}
_AXES["time"] = ("seconds", "seconds of training")


def learning_curves(table: Table, read: Curves) -> Figure | None:
    """The mean over seeds, and their range as a band."""
    name = table.primary.name
    shown = [row for row in drawn(table) if row.identity in read.points]
    curves = [(row, read.points[row.identity]) for row in shown]
    if not curves:
        return None
    last = "; ".join(
        f"{row.label} ends at {numbers.score(name, float(np.mean(sorted(points[-1].values))))}"
        for row, points in curves
    )
    return Figure(
        key="curves",
        title=f"Learning curves{best_few(table)}",
        alt=f"Validation {numbers.metric_name(name)} during training, mean over seeds: {last}.",
        variants=tuple(
            Variant(f"by {called}", _plot(table, curves, axis, title))
            for called, (axis, title) in _AXES.items()
        ),
        caption="Line: mean over seeds, as far as all went. Band: from the lowest to the highest.",
    )


def _plot(table: Table, curves: list[tuple[Row, list[Point]]], axis: str, title: str) -> Plot:
    name = table.primary.name
    traces: list[Any] = []
    for row, points in curves:
        xs = [getattr(point, axis) for point in points]
        shown = colour(table, row)
        if len(row.runs) > 1:
            traces.append(_band(xs, points, shown, scale(name), row.identity))
        means = [scale(name) * float(np.mean(sorted(point.values))) for point in points]
        traces.append(line(row.label, shown, xs, means, legendgroup=row.identity))
    layout = {
        "xaxis": {"title": {"text": title}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": f"validation {axis_title(name)}"}},
    }
    return {"data": traces, "layout": layout}


def _band(xs: list[float], points: list[Point], shown: str, factor: float, group: str) -> Plot:
    lows = [factor * min(point.values) for point in points]
    highs = [factor * max(point.values) for point in points]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": xs + xs[::-1],
        "y": highs + lows[::-1],
        "fill": "toself",
        "fillcolor": faint(shown),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": group,
    }
