"""The report as one self-contained page: no network, no other file, escaped throughout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from seqbench.report import numbers
from seqbench.report.columns import Cell, cells, headers, label
from seqbench.report.content import Content
from seqbench.report.figures import Figure, figures
from seqbench.report.tables import Row, Table

FOLDER = Path(__file__).parent / "page"


def render_html(content: Content) -> str:
    """The page, the same bytes for the same records."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = [figures(table) for table in content.tables]
    plots = [figure for group in drawn for figure in group.values()]
    return environment.get_template("page.html.j2").render(
        content=content,
        sections=[
            _section(table, answer, group)
            for table, answer, group in zip(
                content.tables, content.answers, _numbered(drawn), strict=True
            )
        ]
        if content.tables
        else [],
        runs=[_run(run.record) for run in content.runs],
        style=Markup((FOLDER / "style.css").read_text(encoding="utf-8")),
        script=Markup((FOLDER / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()) if plots else "",
        plots=_json(plots),
    )


def _numbered(drawn: list[dict[str, Figure]]) -> list[list[dict[str, Any]]]:
    """Each figure's title and its number on the page: ids must not differ between builds."""
    number = 0
    groups = []
    for group in drawn:
        titled = []
        for title, figure in group.items():
            height = figure["layout"].get("height", 360)
            titled.append({"title": title, "number": number, "height": height})
            number += 1
        groups.append(titled)
    return groups


def _section(table: Table, answer: str, plots: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "data": table.data,
        "answer": answer,
        "metric": numbers.metric_name(table.primary.name),
        "headers": headers(table),
        "rows": [
            {
                "label": label(row),
                "baseline": row.baseline,
                "cells": [_sortable(cell) for cell in cells(table, row)],
                "interval": _interval(table, row),
            }
            for row in table.rows
        ],
        "figures": plots,
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


def _run(record: Any) -> dict[str, str]:
    primary = record.scores.primary
    value = record.scores.test.get(primary.name) if primary else None
    return {
        "study": record.study,
        "run_id": record.run_id,
        "seed": str(record.seed),
        "status": record.status,
        "score": numbers.score(primary.name, value) if primary else numbers.NONE,
        "seconds": numbers.duration(record.cost.train_seconds),
        "command": record.provenance.command,
    }


def _json(plain: Any) -> Markup:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(plain, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
