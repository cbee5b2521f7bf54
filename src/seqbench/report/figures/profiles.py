"""Several datasets at once: how many runs reach how much."""

from __future__ import annotations

from seqbench.report.across import THRESHOLDS, Across
from seqbench.report.figures.figure import COLOURS, Figure, Variant, line


def profiles(across: Across) -> Figure:
    """The share of runs above each normalised score (Agarwal et al. 2021)."""
    traces = [
        {
            **line(row.label, COLOURS[place], [100 * t for t in THRESHOLDS], [
                100 * share for share in row.profile]),
            "mode": "lines",
        }
        for place, row in enumerate(across.rows[: len(COLOURS)])
    ]  # fmt: skip
    layout = {
        "xaxis": {"title": {"text": f"normalised {across.metric}, %"}, "range": [0, 100]},
        "yaxis": {"title": {"text": "runs above it, %"}, "range": [0, 101]},
    }
    told = "; ".join(f"{row.label} {100 * row.mean:.1f} %" for row in across.rows)
    return Figure(
        key="profiles",
        title="Performance profiles",
        alt=f"Share of runs above each normalised score. Interquartile means: {told}.",
        variants=(Variant("", {"data": traces, "layout": layout}),),
        caption="A line that lies above another everywhere belongs to the better configuration.",
    )
