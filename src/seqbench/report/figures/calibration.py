"""Does a confidence of 80 % mean right in 80 % of cases? The reliability diagram."""

from __future__ import annotations

import numpy as np

from seqbench.report.figures.figure import (
    BASELINE_COLOUR,
    Figure,
    Plot,
    Variant,
    best_few,
    colour,
    drawn,
    line,
)
from seqbench.report.outcomes import Examples
from seqbench.report.statistics.calibration import (
    ReliabilityBin,
    expected_calibration_error,
    reliability,
)
from seqbench.report.tables import Row, Table

_FEWEST = 20  # examples in a bin that is drawn: fewer say nothing


def calibration(table: Table, examples: Examples) -> Figure | None:
    """Accuracy against confidence, over all seeds of each configuration."""
    rows = [*drawn(table), *table.baselines[:1]]
    bins = {row.identity: found for row in rows if (found := bins_of(row, examples))}
    if not bins:
        return None
    perfect = line("perfect", BASELINE_COLOUR, [0.0, 100.0], [0.0, 100.0])
    perfect |= {"mode": "lines", "line": {"color": BASELINE_COLOUR, "width": 1, "dash": "dot"}}
    perfect |= {"hoverinfo": "skip", "showlegend": False}
    shown = [row for row in rows if row.identity in bins]
    traces = [perfect, *(_trace(table, row, bins[row.identity]) for row in shown)]
    layout = {
        "xaxis": {"title": {"text": "confidence, %"}, "range": [0, 101]},
        "yaxis": {"title": {"text": "accuracy, %"}, "range": [0, 101]},
    }
    told = "; ".join(
        f"{row.label} {100 * expected_calibration_error(bins[row.identity]):.1f} %" for row in shown
    )
    return Figure(
        key="calibration",
        title=f"Calibration{best_few(table)}",
        alt=f"Expected calibration error over all seeds: {told}.",
        variants=(Variant("", {"data": traces, "layout": layout}),),
        caption="Below the dotted line the model is surer than it is right.",
    )


def bins_of(row: Row, examples: Examples) -> list[ReliabilityBin]:
    """The reliability of a configuration, its seeds pooled; empty without predictions."""
    outcomes = examples.by_row.get(row.identity, {})
    if not outcomes:
        return []
    confidences = np.concatenate([outcome.confidences for outcome in outcomes.values()])
    correct = np.concatenate([o.predictions == o.targets for o in outcomes.values()])
    return reliability(confidences, correct)


def _trace(table: Table, row: Row, bins: list[ReliabilityBin]) -> Plot:
    told = [each for each in bins if each.n >= _FEWEST]
    return line(
        row.label,
        colour(table, row),
        [100 * each.confidence for each in told],
        [100 * each.accuracy for each in told],
        text=[f"{each.n} predictions" for each in told],
        hovertemplate="confidence %{x:.0f} %: right in %{y:.0f} %, %{text}<extra></extra>",
    )
