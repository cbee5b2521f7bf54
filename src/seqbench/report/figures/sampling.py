"""Samples of language models against the temperature that they were drawn at."""

from __future__ import annotations

from seqbench.report.figures.figure import (
    Figure,
    Plot,
    Variant,
    best_few,
    colour,
    drawn,
    line,
)
from seqbench.report.samples import MEASURES, by_temperature
from seqbench.report.tables import Row, Table


def sampling(table: Table) -> Figure | None:
    """Entropy, distinct pairs, repetition and perplexity; mean over seeds."""
    rows = [*drawn(table), *table.baselines[:1]]
    variants = [
        Variant(measure.replace("_", "-"), plot)
        for measure in MEASURES
        if (plot := _plot(table, rows, measure)) is not None
    ]
    if not variants:
        return None
    told = "; ".join(
        f"{row.label} {points[0][1]:.3g} at {points[0][0]:g} and {points[-1][1]:.3g} at "
        f"{points[-1][0]:g}"
        for row in rows
        if (points := by_temperature(row, "entropy"))
    )
    return Figure(
        key="samples",
        title=f"Samples by temperature{best_few(table)}",
        alt=f"Entropy of the distribution that tokens are drawn from, in nats: {told}.",
        variants=tuple(variants),
        caption="Mean over seeds. Low temperatures repeat themselves, high ones wander.",
    )


def _plot(table: Table, rows: list[Row], measure: str) -> Plot | None:
    traces = [
        line(row.label, colour(table, row), [t for t, _ in points], [v for _, v in points])
        for row in rows
        if (points := by_temperature(row, measure))
    ]
    if not traces:
        return None
    layout = {
        "xaxis": {"title": {"text": "temperature"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": MEASURES[measure]}, "rangemode": "tozero"},
    }
    return {"data": traces, "layout": layout}
