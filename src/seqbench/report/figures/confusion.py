"""Which class was taken for which, side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqbench.report.figures.figure import Figure, Variant, short
from seqbench.report.tables import Row, Table

_MATRICES = 4
_COUNTS_SHOWN = 15  # classes, up to which a share fits its cell
_CONFUSED = 3
SCALE = [[0, "rgba(76,126,232,0)"], [0.02, "rgba(76,126,232,0.12)"], [1, "rgba(76,126,232,1)"]]


def confusions(table: Table) -> list[Figure]:
    """The matrices of the best few configurations, and of the best baseline."""
    shown = [*table.networks[: _MATRICES - 1], *table.baselines[:1]]
    return [figure for row in shown if (figure := confusion(row)) is not None]


def confusion(row: Row) -> Figure | None:
    """Where each class goes, in per cent of its examples, summed over seeds."""
    counts = summed_counts(row)
    if counts is None:
        return None
    names = next(m.labels for run in row.runs if (m := run.record.scores.confusion) is not None)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [short(label, 18) for label in names]
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
        trace["text"] = [[f"{v:.0f}" if v >= 0.5 else "" for v in each] for each in shares.tolist()]
        trace["texttemplate"] = "%{text}"
    ticks = {"tickvals": ids, "ticktext": labels, "showgrid": False, "zeroline": False}
    layout = {
        "xaxis": {**ticks, "title": {"text": "predicted"}, "tickangle": -45},
        "yaxis": {**ticks, "title": {"text": "true"}, "autorange": "reversed"},
        "height": max(320, min(760, 150 + 26 * len(labels))),
    }
    return Figure(
        key=f"confusion-{row.identity}",
        title=f"Confusion: {row.label}",
        alt=f"Confusion matrix of {row.label}. {_most(shares, names)}.",
        variants=(Variant("", {"data": [trace], "layout": layout}),),
        caption="Per cent of each true class (row), summed over seeds.",
    )


def summed_counts(row: Row) -> NDArray[np.int64] | None:
    """The counts of all runs together; None without any, or where their classes differ."""
    matrices = [run.record.scores.confusion for run in row.runs]
    found = [matrix for matrix in matrices if matrix is not None]
    if not found or not found[0].labels or any(m.labels != found[0].labels for m in found):
        return None
    return np.asarray(np.sum([matrix.counts for matrix in found], axis=0), dtype=np.int64)


def _most(shares: NDArray[np.float64], labels: list[str]) -> str:
    wrong = shares - np.diag(np.diag(shares))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSED]
    told = []
    for place in order:
        i, j = divmod(int(place), len(labels))
        if not wrong[i, j]:
            break
        told.append(f"{labels[i]} taken for {labels[j]} in {wrong[i, j]:.0f} %")
    return "; ".join(told) or "0 % of any class is taken for another"
