"""Differences between configurations with their intervals: a forest plot."""

from __future__ import annotations

import html
from collections.abc import Sequence

from seqbench.report import numbers
from seqbench.report.figures.figure import COLOURS, Figure, Plot, Variant, scale, short
from seqbench.report.pairs import Pair

SEEDS, EXAMPLES = "over seeds", "over test examples"


def forest(pairs: Sequence[Pair]) -> Figure | None:
    """The difference of each pair: over paired seeds, and over the same test examples."""
    told = [pair for pair in pairs if pair.difference.mean is not None]
    if not told:
        return None
    name = told[0].first.primary.name
    factor, unit = scale(name), numbers.unit(name)
    seeds = [
        (factor * (p.difference.mean or 0), _scaled(p.difference.low, factor), _scaled(
            p.difference.high, factor)) for p in told
    ]  # fmt: skip
    variants = [Variant(SEEDS, _plot(told, seeds, numbers.metric_name(name) + unit))]
    by_example = [pair for pair in told if pair.examples is not None]
    if by_example:
        intervals = [
            (100 * e.difference, 100 * e.low, 100 * e.high)
            for pair in by_example
            if (e := pair.examples) is not None
        ]
        variants.append(Variant(EXAMPLES, _plot(by_example, intervals, "accuracy points")))
    return Figure(
        key="differences",
        title="Differences, two by two",
        alt=f"Differences with 95 % intervals: {'; '.join(_said(pair, name) for pair in told)}.",
        variants=tuple(variants),
        caption=(
            "Right of the line the first is better. An interval that touches the line leaves it "
            "open which is better. Intervals are not corrected for how many there are."
        ),
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else factor * value


def _plot(
    pairs: Sequence[Pair],
    intervals: Sequence[tuple[float, float | None, float | None]],
    title: str,
) -> Plot:
    places = list(range(len(pairs)))[::-1]
    means = [mean for mean, _, _ in intervals]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": means,
        "y": places,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [0 if high is None else high - mean for mean, _, high in intervals],
            "arrayminus": [0 if low is None else mean - low for mean, low, _ in intervals],
            "thickness": 2,
        },
        "text": [html.escape(_name(pair, 60)) for pair in pairs],
        "hovertemplate": "%{text}: %{x:.3g}<extra></extra>",
        "marker": {"color": COLOURS[0], "size": 10, "symbol": "diamond"},
    }
    layout = {
        "xaxis": {"title": {"text": f"difference, {title}"}, "zeroline": True},
        "yaxis": {
            "tickvals": places,
            "ticktext": [short(_name(pair), 44) for pair in pairs],
            "range": [-0.6, len(pairs) - 0.4],
            "showgrid": False,
            "zeroline": False,
        },
        "shapes": [{"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1}],
        "showlegend": False,
        "height": max(360, 100 + 30 * len(pairs)),
    }
    return {"data": [trace], "layout": layout}


def _name(pair: Pair, limit: int = 22) -> str:
    first, second = (
        text if len(text) <= limit else f"{text[: limit - 1]}…"
        for text in (pair.first.label, pair.second.label)
    )
    return f"{first} \N{MINUS SIGN} {second}"


def _said(pair: Pair, name: str) -> str:
    assert pair.difference.mean is not None
    value = f"{numbers.difference(name, pair.difference.mean)}{numbers.unit(name)}"
    interval = numbers.interval(name, pair.difference)
    return (
        f"{pair.first.label} minus {pair.second.label} {value}{f' ({interval})' * bool(interval)}"
    )
