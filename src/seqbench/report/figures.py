"""The figures, as plain data for plotly; colours of text and grid are the page's business."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from seqbench.errors import RecordError
from seqbench.records.load import StoredRun
from seqbench.records.metrics import read_metrics
from seqbench.report import numbers
from seqbench.report.statistics.summary import summarize
from seqbench.report.tables import Row, Table

Figure = dict[str, Any]

# Told apart by colour-blind readers, and legible on white and on black (after Paul Tol's bright).
COLOURS = ("#4c7ee8", "#e8663c", "#2b9e5b", "#c49a1a", "#9b59c9", "#1fa3b8", "#d6498f", "#7d8794")
BASELINE_COLOUR = "#8a8f98"
SCALE = [[0, "rgba(76,126,232,0)"], [0.02, "rgba(76,126,232,0.12)"], [1, "rgba(76,126,232,1)"]]
_MATRICES = 4
_COUNTS_SHOWN = 15  # classes, up to which a count fits its cell


def figures(table: Table) -> dict[str, Figure]:
    """Every figure that the runs allow, by its title."""
    best = f" (the best {len(COLOURS)})" if len(table.networks) > len(COLOURS) else ""
    by_time = learning_curves(table, "seconds", "seconds of training")
    drawn = {
        "Scores of each seed": strip(table),
        f"Accuracy by length{best}": by_length(table),
        f"Learning curves, by steps{best}": learning_curves(table, "step", "optimizer steps"),
        f"Learning curves, by time{best}": by_time,
    }
    drawn |= {f"Confusion: {row.label}": confusion(row) for row in _shown(table)}
    return {title: figure for title, figure in drawn.items() if figure is not None}


def strip(table: Table) -> Figure | None:
    """A point a seed; above them the mean with its interval.

    The axis spans what is worth telling apart; a score far off it (the majority class) is written
    at the edge.
    """
    name = table.primary.name
    factor = 100 if numbers.is_share(name) else 1
    rows = [row for row in reversed(table.rows) if row.score.n]
    traces: list[Any] = []
    notes: list[Any] = []
    low, high = (factor * end for end in table.span)
    for position, row in enumerate(rows):
        colour = _colour(table, row)
        by_seed = row.by_seed(name)
        assert row.score.mean is not None
        half = row.score.half_width
        if not low <= factor * row.score.mean <= high:
            notes.append(_at_edge(row, position, below=factor * row.score.mean < low))
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [factor * value for value in by_seed.values()],
                "y": [position - 0.18] * len(by_seed),
                "text": [f"seed {seed}" for seed in by_seed],
                "hovertemplate": f"{html.escape(row.label)}, %{{text}}: %{{x:.4g}}<extra></extra>",
                "marker": {"color": colour, "size": 8, "opacity": 0.6},
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [factor * row.score.mean],
                "y": [position + 0.12],
                "error_x": {"type": "data", "array": [factor * (half or 0)], "thickness": 2},
                "hovertemplate": f"{html.escape(row.label)}, mean: %{{x:.4g}}<extra></extra>",
                "marker": {"color": colour, "size": 11, "symbol": "diamond"},
            }
        )
    if not rows:
        return None
    pad = 0.06 * (high - low)
    axis = {
        "title": {"text": _axis_title(name)},
        "zeroline": False,
        "range": [low - pad, high + pad],
    }
    ticks = {
        "tickvals": list(range(len(rows))),
        "ticktext": [_short(row.label) for row in rows],
        "range": [-0.6, len(rows) - 0.4],
        "showgrid": False,
        "zeroline": False,
    }
    layout = {"xaxis": axis, "yaxis": ticks, "showlegend": False, "annotations": notes}
    return {"data": traces, "layout": {**layout, "height": _strip_height(table)}}


def learning_curves(table: Table, axis: str, axis_title: str) -> Figure | None:
    """Validation score against `axis`: the mean over seeds, and the range as a band.

    Seeds are aligned by step; by time, each point stands at their mean time. A step that fewer
    seeds than the most have reached (early stopping) is left out, for the mean would jump there.
    """
    name = f"validation/{table.primary.name}"
    factor = 100 if numbers.is_share(table.primary.name) else 1
    traces: list[Any] = []
    for row in _drawn(table):
        points = _curve(row.runs, name, axis)
        if not points:
            continue
        colour, group = _colour(table, row), row.identity
        xs = [x for x, _ in points]
        lows = [factor * min(values) for _, values in points]
        highs = [factor * max(values) for _, values in points]
        means = [factor * float(np.mean(sorted(values))) for _, values in points]
        if len(row.runs) > 1:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": xs + xs[::-1],
                    "y": highs + lows[::-1],
                    "fill": "toself",
                    "fillcolor": _faint(colour),
                    "line": {"width": 0},
                    "hoverinfo": "skip",
                    "showlegend": False,
                    "legendgroup": group,
                }
            )
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": _short(row.label),
                "x": xs,
                "y": means,
                "line": {"color": colour, "width": 2},
                "marker": {"size": 5},
                "legendgroup": group,
                "hovertemplate": f"{html.escape(row.label)}: %{{y:.4g}}<extra></extra>",
            }
        )
    if not traces:
        return None
    layout = {
        "xaxis": {"title": {"text": axis_title}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": f"validation {_axis_title(table.primary.name)}"}},
    }
    return {"data": traces, "layout": layout}


def by_length(table: Table) -> Figure | None:
    """Test accuracy against the length of the text, pooled over seeds."""
    traces = []
    for row in (*_drawn(table), *table.baselines[:1]):
        pooled: dict[tuple[int, int], list[tuple[int, float]]] = {}
        for run in row.runs:
            for part in run.record.scores.per_length:
                if part.accuracy is not None:
                    bins = pooled.setdefault((part.low, part.high), [])
                    bins.append((part.n, part.accuracy))
        if len(pooled) < 2:
            continue
        edges = sorted(pooled)
        accuracies = [
            100 * sum(n * a for n, a in pooled[edge]) / sum(n for n, _ in pooled[edge])
            for edge in edges
        ]
        dash = "dot" if row.baseline else "solid"
        label = html.escape(row.label)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": _short(row.label),
                "x": [(low + high) / 2 for low, high in edges],
                "y": accuracies,
                "text": [f"{low} to {high} tokens" for low, high in edges],
                "line": {"color": _colour(table, row), "width": 2, "dash": dash},
                "hovertemplate": f"{label}, %{{text}}: %{{y:.1f}} %<extra></extra>",
            }
        )
    if not traces:
        return None
    layout = {
        "xaxis": {"title": {"text": "tokens (middle of each range)"}},
        "yaxis": {"title": {"text": _axis_title("accuracy")}},
        "height": _strip_height(table),  # they stand side by side
    }
    return {"data": traces, "layout": layout}


def confusion(row: Row) -> Figure | None:
    """Where each class goes, in per cent of its examples, summed over seeds."""
    matrices = [run.record.scores.confusion for run in row.runs]
    found = [matrix for matrix in matrices if matrix is not None]
    if not found or any(matrix.labels != found[0].labels for matrix in found):
        return None
    counts = np.sum([matrix.counts for matrix in found], axis=0)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [_short(label, 18) for label in found[0].labels]
    ids = list(range(len(labels)))
    trace = {
        "type": "heatmap",
        "z": np.round(shares, 2).tolist(),
        "colorscale": SCALE,
        "zmin": 0,
        "zmax": 100,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "customdata": [[[labels[i], labels[j]] for j in ids] for i in ids],
        "hovertemplate": "%{customdata[0]} taken for %{customdata[1]}: %{z:.1f} %<extra></extra>",
    }
    if len(labels) <= _COUNTS_SHOWN:
        trace["text"] = [[f"{v:.0f}" if v >= 0.5 else "" for v in line] for line in shares.tolist()]
        trace["texttemplate"] = "%{text}"
    ticks = {"tickvals": ids, "ticktext": labels, "showgrid": False, "zeroline": False}
    layout = {
        "xaxis": {**ticks, "title": {"text": "predicted"}, "tickangle": -45},
        "yaxis": {**ticks, "title": {"text": "true"}, "autorange": "reversed"},
        "height": max(320, min(760, 150 + 26 * len(labels))),
    }
    return {"data": [trace], "layout": layout}


def _at_edge(row: Row, position: int, *, below: bool) -> dict[str, Any]:
    """The score of a row that lies beyond the axis, at the end where it went."""
    text = numbers.score(row.primary.name, row.score.mean)
    return {
        "xref": "paper",
        "x": 0 if below else 1,
        "xanchor": "left" if below else "right",
        "y": position,
        "text": f"◂ {text}" if below else f"{text} ▸",
        "showarrow": False,
    }


def _strip_height(table: Table) -> int:
    return max(360, 90 + 44 * sum(row.score.n > 0 for row in table.rows))


def _drawn(table: Table) -> list[Row]:
    """The networks that have a line of their own: as many as there are colours."""
    return table.networks[: len(COLOURS)]


def _shown(table: Table) -> list[Row]:
    """The best few configurations, and the best baseline to see where they differ."""
    return [*table.networks[: _MATRICES - 1], *table.baselines[:1]]


def _curve(runs: Iterable[StoredRun], name: str, axis: str) -> list[tuple[float, list[float]]]:
    """Position and the seeds' values at each step that all seeds reached."""
    steps: dict[int, list[tuple[float, float]]] = {}
    for run in runs:
        try:
            history = read_metrics(run.folder.metrics)
        except RecordError:
            continue  # a record without its history is still a result
        for row in history:
            if row.get(name) is not None and {"step", axis} <= row.keys():
                steps.setdefault(row["step"], []).append((row[axis], row[name]))
    most = max(map(len, steps.values()), default=0)
    points = []
    for step in sorted(steps):
        if len(steps[step]) == most:
            position = summarize(x for x, _ in steps[step]).mean
            assert position is not None
            points.append((position, [value for _, value in steps[step]]))
    return points


def _colour(table: Table, row: Row) -> str:
    """The same for a row in every figure of its table."""
    if row.baseline:
        return BASELINE_COLOUR
    order: Sequence[str] = sorted(network.identity for network in _drawn(table))
    return COLOURS[order.index(row.identity)] if row.identity in order else BASELINE_COLOUR


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def _short(text: str, limit: int = 28) -> str:
    """Text for an axis: cut, and escaped, since plotly reads a subset of HTML."""
    return html.escape(text if len(text) <= limit else f"{text[: limit - 1]}…")


def _axis_title(name: str) -> str:
    return f"{numbers.metric_name(name)}{', %' if numbers.is_share(name) else ''}"
