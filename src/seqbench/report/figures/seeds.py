"""Scores of each seed, beside their mean and its interval."""

from __future__ import annotations

import html
from typing import Any

from seqbench.report import numbers
from seqbench.report.columns import label
from seqbench.report.figures.figure import Figure, Plot, Variant, axis_title, colour, scale, short
from seqbench.report.tables import Row, Table

_MOST = 16  # networks drawn: more are a search, which has figures of its own


def strip(table: Table) -> Figure | None:
    """A point a seed; above them the mean with its interval.

    The axis spans what is worth telling apart; a score far off it (the majority class) is written
    at the edge.
    """
    rows = _rows(table)[::-1]
    if not rows:
        return None
    few = f" (the best {_MOST})" if len(table.networks) > _MOST else ""
    name = table.primary.name
    low, high = (scale(name) * end for end in table.span)
    traces: list[Plot] = []
    notes: list[Plot] = []
    for position, row in enumerate(rows):
        assert row.score.mean is not None
        mean = scale(name) * row.score.mean
        if low <= mean <= high:
            traces += _marks(table, row, position)
        else:
            notes.append(_at_edge(row, position, below=mean < low))
    pad = 0.06 * (high - low)
    x_axis = {
        "title": {"text": axis_title(name)},
        "zeroline": False,
        "range": [low - pad, high + pad],
    }
    y_axis = {
        "tickvals": list(range(len(rows))),
        "ticktext": [short(row.label) for row in rows],
        "range": [-0.6, len(rows) - 0.4],
        "showgrid": False,
        "zeroline": False,
    }
    layout = {
        "xaxis": x_axis,
        "yaxis": y_axis,
        "showlegend": False,
        "annotations": notes,
        "height": height(table),
    }
    told = "; ".join(
        f"{label(row)} {numbers.with_interval(name, row.score)}" for row in reversed(rows)
    )
    return Figure(
        key="seeds",
        title=f"Scores of each seed{few}",
        alt=f"Test {numbers.metric_name(name)}, mean and 95 % interval over seeds: {told}.",
        variants=(Variant("", {"data": traces, "layout": layout}),),
        caption="Circles: one a seed. Diamonds: mean with its 95 % interval.",
    )


def height(table: Table) -> int:
    """In pixels: what its rows need."""
    return max(360, 90 + 44 * len(_rows(table)))


def _rows(table: Table) -> list[Row]:
    """The rows that are drawn: all of a comparison, the best of a search."""
    networks = {row.identity for row in table.networks[:_MOST]}
    return [row for row in table.rows if row.score.n and (row.baseline or row.identity in networks)]


def _marks(table: Table, row: Row, position: int) -> list[Plot]:
    name = table.primary.name
    by_seed = row.by_seed(name)
    assert row.score.mean is not None
    seeds: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": [scale(name) * value for value in by_seed.values()],
        "y": [position - 0.18] * len(by_seed),
        "text": [f"seed {seed}" for seed in by_seed],
        "hovertemplate": f"{html.escape(row.label)}, %{{text}}: %{{x:.4g}}<extra></extra>",
        "marker": {"color": colour(table, row), "size": 8, "opacity": 0.6},
    }
    mean = {
        "type": "scatter",
        "mode": "markers",
        "x": [scale(name) * row.score.mean],
        "y": [position + 0.12],
        "error_x": {
            "type": "data",
            "array": [scale(name) * (row.score.half_width or 0)],
            "thickness": 2,
        },
        "hovertemplate": f"{html.escape(row.label)}, mean: %{{x:.4g}}<extra></extra>",
        "marker": {"color": colour(table, row), "size": 11, "symbol": "diamond"},
    }
    return [seeds, mean]


def _at_edge(row: Row, position: int, *, below: bool) -> Plot:
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
