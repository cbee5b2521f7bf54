"""A search over hyperparameters: every run, what mattered, and what a budget buys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from seqbench.report import numbers
from seqbench.report.figures.figure import (
    COLOURS,
    Figure,
    Variant,
    axis_title,
    line,
    scale,
    short,
)
from seqbench.report.search import MODEL, SEED, Budget, Search
from seqbench.report.tables import Table

_TICKS = 12
_LINES = 2000  # runs drawn: more are a smear
_WORST, _MIDDLE, _BEST = "#e8d08a", "#2b9e8b", "#3b4cc0"


def parallel_coordinates(table: Table, search: Search) -> Figure:
    """A line a run, through its settings to its validation score."""
    name = table.primary.name
    scores = [scale(name) * score for score in search.scores][:_LINES]
    dimensions = [_dimension(key, search.settings[key][:_LINES], search) for key in _axes(search)]
    dimensions.append({"label": f"validation {axis_title(name)}", "values": scores})
    ramp = (_WORST, _MIDDLE, _BEST) if table.primary.higher_is_better else (_BEST, _MIDDLE, _WORST)
    colours = [[place, colour] for place, colour in zip((0, 0.5, 1), ramp, strict=True)]
    trace = {
        "type": "parcoords",
        "line": {"color": scores, "colorscale": colours},
        "dimensions": dimensions,
    }
    layout = {"height": 420, "margin": {"l": 70, "r": 60, "t": 60, "b": 30}}
    best = max if table.primary.higher_is_better else min
    place = search.scores.index(best(search.scores))
    settings = ", ".join(f"{key}={search.settings[key][place]}" for key in _axes(search))
    return Figure(
        key="parallel-coordinates",
        title="Every run of the search",
        alt=f"{len(search.scores)} runs. The best on validation: {settings}, "
        f"{numbers.metric_name(name)} {numbers.score(name, search.scores[place])}.",
        variants=(Variant("", {"data": [trace], "layout": layout}),),
        caption="Drag along an axis to keep the runs of a range; drag its name to move it.",
    )


def importance(search: Search) -> Figure | None:
    """Shares of the variance of validation scores that each hyperparameter explains alone."""
    found = search.importance
    if found is None:
        return None
    ranked = sorted(found.shares.items(), key=lambda item: item[1])
    bars = [("together only (interactions)", found.interactions), *ranked]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [100 * share for _, share in bars],
        "y": list(range(len(bars))),
        "text": [f"{100 * share:.0f} %" for _, share in bars],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": COLOURS[0]},
        "hoverinfo": "skip",
    }
    layout = {
        "xaxis": {"title": {"text": "share of variance, %"}, "range": [0, 108]},
        "yaxis": {
            "tickvals": list(range(len(bars))),
            "ticktext": [short(key, 34) for key, _ in bars],
            "showgrid": False,
        },
        "height": max(300, 100 + 34 * len(bars)),
    }
    told = "; ".join(f"{key} {100 * share:.0f} %" for key, share in reversed(ranked))
    return Figure(
        key="importance",
        title="What mattered",
        alt=f"Share of the variance of validation scores that each explains alone: {told}; "
        f"together only {100 * found.interactions:.0f} %.",
        variants=(Variant("", {"data": [trace], "layout": layout}),),
        caption=(
            f"Functional ANOVA over a random forest of {found.n} runs, which explains "
            f"{100 * found.explained:.0f} % of the variance of their validation scores."
        ),
    )


def budgets(table: Table, search: Search) -> Figure | None:
    """The expected best validation score after n configurations drawn at random."""
    if not search.budgets:
        return None
    name = table.primary.name
    variants = [Variant("by trials", _budget_plot(table, search.budgets, seconds=False))]
    timed = [each for each in search.budgets if each.seconds]
    if timed:
        variants.append(Variant("by time", _budget_plot(table, timed, seconds=True)))
    told = "; ".join(
        f"{each.model} {numbers.score(name, each.best[0])} with one, "
        f"{numbers.score(name, each.best[-1])} with {len(each.best)}"
        for each in search.budgets
    )
    failed = sum(each.failed for each in search.budgets)
    left_out = f" Left out, since they failed: {failed}; with them it would be worse."
    return Figure(
        key="budget",
        title="Expected best score by tuning budget",
        alt=f"Expected best validation {numbers.metric_name(name)}: {told}.",
        variants=tuple(variants),
        caption=(
            "Expectation over configurations drawn at random from those that were tried; it says "
            f"nothing of a search that adapts to what it sees.{left_out * bool(failed)}"
        ),
    )


def _budget_plot(table: Table, budgets: Sequence[Budget], *, seconds: bool) -> dict[str, Any]:
    name = table.primary.name
    traces = [
        line(
            each.model,
            COLOURS[place % len(COLOURS)],
            [
                (each.seconds or 1.0) * n if seconds else float(n)
                for n in range(1, len(each.best) + 1)
            ],
            [scale(name) * score for score in each.best],
        )
        for place, each in enumerate(budgets)
    ]
    title = (
        "seconds of training, one configuration after the other" if seconds else "configurations"
    )
    layout = {
        "xaxis": {"title": {"text": title}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": f"validation {axis_title(name)}"}},
    }
    return {"data": traces, "layout": layout}


def _axes(search: Search) -> list[str]:
    """The keys that vary, the model before them, the seed after them."""
    keys = [MODEL, *search.keys, SEED]
    return [key for key in keys if len(set(map(str, search.settings[key]))) > 1]


def _dimension(key: str, values: Sequence[Any], search: Search) -> dict[str, Any]:
    label = short(key.rpartition(".")[2] if key.count(".") else key, 24)
    if not all(_is_number(value) for value in values):
        return _ordinal(label, values, sorted(set(values), key=str))
    found = sorted(set(values))
    if len(found) <= _TICKS:
        return _ordinal(label, values, found)
    if key in search.logarithmic:
        shown = found[:: len(found) // _TICKS + 1]
        return {
            "label": label,
            "values": [math.log10(value) for value in values],
            "tickvals": [math.log10(value) for value in shown],
            "ticktext": [_text(value) for value in shown],
        }
    return {"label": label, "values": list(values)}


def _ordinal(label: str, values: Sequence[Any], found: Sequence[Any]) -> dict[str, Any]:
    places = {value: place for place, value in enumerate(found)}
    shown = found if len(found) <= _TICKS else found[:: len(found) // _TICKS + 1]
    return {
        "label": label,
        "values": [places[value] for value in values],
        "tickvals": [places[value] for value in shown],
        "ticktext": [short(_text(value), 16) for value in shown],
    }


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
