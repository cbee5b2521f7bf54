"""The report as one self-contained page: no network, no other file, escaped throughout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from seqbench.records.load import StoredRun
from seqbench.report import numbers
from seqbench.report.columns import Cell, cells, headers, label
from seqbench.report.content import Content, Section
from seqbench.report.figures.figure import Figure, Plot
from seqbench.report.figures.of_section import figures
from seqbench.report.figures.profiles import profiles
from seqbench.report.grids import across_grid, changes_grid, claims_grid, pairs_grid
from seqbench.report.outcomes import Disagreement
from seqbench.report.tables import Row, Table

FOLDER = Path(__file__).parent / "page"
RELOAD_SECONDS = 5  # between two looks of a page whose runs are still being made
_SIGNIFICANT = 5  # digits of a number that is drawn


def render_html(content: Content) -> str:
    """The page, the same bytes for the same records."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    plots: list[Plot] = []
    sections = [_section(section, plots) for section in content.sections]
    across = None if content.across is None else across_grid(content.across)
    across_figures = [] if content.across is None else [_figure(profiles(content.across), plots)]
    return environment.get_template("page.html.j2").render(
        content=content,
        claims=claims_grid(content.claims),
        changes=[(each, changes_grid(each)) for each in content.changes],
        across=across,
        across_figures=across_figures,
        sections=sections,
        running=sum(each.running for each in content.pending),
        runs=[_run(run) for run in content.runs],
        reload_seconds=RELOAD_SECONDS,
        style=Markup((FOLDER / "style.css").read_text(encoding="utf-8")),
        script=Markup((FOLDER / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()) if plots else "",
        plots=_json(plots),
    )


def _section(section: Section, plots: list[Plot]) -> dict[str, Any]:
    table = section.table
    agreement = section.agreement
    return {
        "data": table.data,
        "metric": numbers.metric_name(table.primary.name),
        "headers": headers(table),
        "rows": [_row(table, row) for row in table.rows],
        "figures": [_figure(figure, plots) for figure in figures(section)],
        "pairs": pairs_grid(section.pairs),
        "equal": section.equal,
        "guardrail": section.guardrail,
        "agreement": agreement,
        "written": section.written,
        "models": [] if agreement is None else _models(agreement.disagreements),
    }


def _models(disagreements: Sequence[Disagreement]) -> list[str]:
    return list(disagreements[0].said) if disagreements else []


def _row(table: Table, row: Row) -> dict[str, Any]:
    return {
        "label": label(row),
        "baseline": row.baseline,
        "cells": [_sortable(cell) for cell in cells(table, row)],
        "interval": _interval(table, row),
    }


def _figure(figure: Figure, plots: list[Plot]) -> dict[str, Any]:
    """A figure's card; its plots get numbers, since ids must not differ between builds."""
    first = len(plots)
    plots += [each.plot for each in figure.variants]
    return {
        "title": figure.title,
        "alt": figure.alt,
        "caption": figure.caption,
        "height": figure.height,
        "wide": figure.key == "parallel-coordinates",
        "variants": [
            {"name": each.name, "number": first + place}
            for place, each in enumerate(figure.variants)
        ],
    }


def _sortable(cell: Cell) -> dict[str, str]:
    return {"text": cell.text, "sort": "" if cell.number is None else repr(float(cell.number))}


def _interval(table: Table, row: Row) -> dict[str, float] | None:
    """Where the row's mean and interval lie on a scale that all rows share, in per cent.

    None for a row without a score, or one beyond the scale.
    """
    mean, low, high = row.score.mean, row.score.low, row.score.high
    start, end = table.span
    if mean is None or not start <= mean <= end:
        return None
    places = {
        "mean": mean,
        "low": mean if low is None else low,
        "high": mean if high is None else high,
    }
    return {
        name: round(4 + 92 * (min(max(value, start), end) - start) / (end - start), 2)
        for name, value in places.items()
    }


def _run(run: StoredRun) -> dict[str, str]:
    record = run.record
    primary = record.scores.primary
    value = record.scores.test.get(primary.name) if primary else None
    seconds = record.cost.train_seconds
    return {
        "study": record.study,
        "run_id": record.run_id,
        "status": record.status,
        "score": numbers.score(primary.name, value) if primary else numbers.NONE,
        "sort_score": "" if value is None else repr(value),
        "seconds": numbers.duration(seconds),
        "sort_seconds": "" if seconds is None else repr(seconds),
        "command": record.provenance.command,
    }


def _json(plain: Any) -> Markup:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(_rounded(plain), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _rounded(plain: Any) -> Any:
    """No screen shows the sixteenth digit, and with many runs it makes most of the page."""
    if isinstance(plain, float):
        return float(f"{plain:.{_SIGNIFICANT}g}")
    if isinstance(plain, dict):
        return {key: _rounded(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_rounded(value) for value in plain]
    return plain
