"""Accuracy by the length of the text."""

from __future__ import annotations

import html

from seqbench.report.figures.figure import (
    Figure,
    Plot,
    Variant,
    axis_title,
    best_few,
    colour,
    drawn,
    line,
)
from seqbench.report.figures.seeds import height
from seqbench.report.tables import Row, Table


def by_length(table: Table) -> Figure | None:
    """Test accuracy against the length of the text, pooled over seeds."""
    rows = [*drawn(table), *table.baselines[:1]]
    pooled = {row.identity: bins for row in rows if len(bins := pooled_by_length(row)) > 1}
    traces = [_trace(table, row, pooled[row.identity]) for row in rows if row.identity in pooled]
    if not traces:
        return None
    layout = {
        "xaxis": {"title": {"text": "tokens (middle of each range)"}},
        "yaxis": {"title": {"text": axis_title("accuracy")}},
        "height": min(height(table), 480),  # it stands beside others
    }
    told = "; ".join(
        f"{row.label} from {ends[0][2]:.1f} % of the shortest to {ends[-1][2]:.1f} % of the longest"
        for row in rows
        if (ends := pooled.get(row.identity)) is not None
    )
    return Figure(
        key="lengths",
        title=f"Accuracy by length{best_few(table)}",
        alt=f"Test accuracy by length of the text: {told}.",
        variants=(Variant("", {"data": traces, "layout": layout}),),
    )


def pooled_by_length(row: Row) -> list[tuple[int, int, float]]:
    """Ends of each range of lengths, and the accuracy there in per cent."""
    found: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for run in row.runs:
        for part in run.record.scores.per_length:
            if part.accuracy is not None and part.n:
                found.setdefault((part.low, part.high), []).append((part.n, part.accuracy))
    return [
        (low, high, 100 * sum(n * a for n, a in parts) / sum(n for n, _ in parts))
        for (low, high), parts in sorted(found.items())
    ]


def _trace(table: Table, row: Row, bins: list[tuple[int, int, float]]) -> Plot:
    shown = colour(table, row)
    return line(
        row.label,
        shown,
        [(low + high) / 2 for low, high, _ in bins],
        [accuracy for _, _, accuracy in bins],
        line={"color": shown, "width": 2, "dash": "dot" if row.baseline else "solid"},
        text=[f"{low} to {high} tokens" for low, high, _ in bins],
        hovertemplate=f"{html.escape(row.label)}, %{{text}}: %{{y:.1f}} %<extra></extra>",
    )
