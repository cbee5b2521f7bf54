"""What a figure is, and what all figures share: colours, names, axes."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from seqbench.report import numbers
from seqbench.report.tables import Row, Table

Plot = dict[str, Any]
"""Traces and layout as plotly takes them; colours of text and grid are the page's business."""

# Told apart by colour-blind readers, and legible on white and on black (after Paul Tol's bright).
COLOURS = ("#4c7ee8", "#e8663c", "#2b9e5b", "#c49a1a", "#9b59c9", "#1fa3b8", "#d6498f", "#7d8794")
BASELINE_COLOUR = "#8a8f98"
HEIGHT = 360


@dataclass(frozen=True)
class Variant:
    """One way to look at a figure, e.g. against time: its name, and the plot."""

    name: str
    plot: Plot


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        key: names its files.
        title: above it.
        alt: what it shows, in words, for those who do not see it.
        variants: the ways to look at it, the usual one first.
        caption: how to read it; empty where the title says it.
    """

    key: str
    title: str
    alt: str
    variants: tuple[Variant, ...]
    caption: str = ""

    @property
    def height(self) -> int:
        """In pixels; that of the tallest variant."""
        return max(int(each.plot["layout"].get("height", HEIGHT)) for each in self.variants)


def colour(table: Table, row: Row) -> str:
    """The same for a row in every figure of its table."""
    if row.baseline:
        return BASELINE_COLOUR
    order = sorted(network.identity for network in drawn(table))
    return COLOURS[order.index(row.identity)] if row.identity in order else BASELINE_COLOUR


def drawn(table: Table) -> list[Row]:
    """The networks that have a line of their own: as many as there are colours."""
    return table.networks[: len(COLOURS)]


def best_few(table: Table) -> str:
    """What a title adds where not every network is drawn."""
    return f" (the best {len(COLOURS)})" if len(table.networks) > len(COLOURS) else ""


def faint(colour: str) -> str:
    """The colour of a band under a line of that colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def short(text: str, limit: int = 28) -> str:
    """Text for an axis: cut, and escaped, since plotly reads a subset of HTML."""
    return html.escape(text if len(text) <= limit else f"{text[: limit - 1]}…")


def scale(name: str) -> float:
    """What a metric is multiplied by to be drawn: shares are drawn in per cent."""
    return 100.0 if numbers.is_share(name) else 1.0


def axis_title(name: str) -> str:
    """A metric as the title of an axis."""
    return f"{numbers.metric_name(name)}{', %' if numbers.is_share(name) else ''}"


def line(label: str, colour: str, xs: list[float], ys: list[float], **more: Any) -> Plot:
    """A line with a point at each value."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": short(label),
        "x": xs,
        "y": ys,
        "line": {"color": colour, "width": 2},
        "marker": {"size": 5},
        "hovertemplate": f"{html.escape(label)}: %{{y:.4g}}<extra></extra>",
        **more,
    }
