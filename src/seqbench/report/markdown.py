"""The report in Markdown, as it can be pasted into a README or an issue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seqbench.report import numbers
from seqbench.report.columns import cells, headers, label
from seqbench.report.content import Content, Section
from seqbench.report.grids import (
    Grid,
    across_grid,
    changes_grid,
    claims_grid,
    pairs_grid,
    samples_grid,
)
from seqbench.report.pairs import contenders
from seqbench.report.samples import of_the_best
from seqbench.report.tables import Table


def render_markdown(content: Content) -> str:
    """The whole report but for the figures."""
    parts = [f"# {_plain(content.question)}"]
    parts += [_plain(answer) for answer in content.answers]
    if claims := claims_grid(content.claims):
        parts += ["## Claims", *_grid(claims)]
    for each in content.changes:
        named = f"{each.data}: from {each.before} to {each.after}"
        parts += [f"## {_plain(named)}", *_grid(changes_grid(each))]
    if content.across is not None:
        parts += ["## Over all datasets", *_grid(across_grid(content.across))]
    for section in content.sections:
        parts += _section(section)
    parts += ["## How to read this", *map(_plain, content.notes)]
    if content.failures:
        lines = [f"- {_code(f.run_id)} ({f.status}): {_plain(f.reason)}" for f in content.failures]
        parts += [f"## Runs without a score ({len(content.failures)})", "\n".join(lines)]
    if content.pending:
        lines = [
            f"- {_code(each.run_id)} {'is running' if each.running else 'has no record yet'}"
            for each in content.pending
        ]
        parts += [f"## Runs without a record ({len(content.pending)})", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Table) -> str:
    """One dataset's table."""
    rows = [[label(row), *(cell.text for cell in cells(table, row))] for row in table.rows]
    return _lines(headers(table), rows, right=True)


def _section(section: Section) -> list[str]:
    parts = [f"## {_plain(section.table.data)}", markdown_table(section.table)]
    parts += map(_plain, section.equal)
    if pairs := pairs_grid(section.pairs):
        parts += ["### Two by two", *_grid(pairs)]
    if section.guardrail:
        parts += ["### What this data cannot show", *map(_plain, section.guardrail)]
    if section.agreement is not None:
        agreed = section.agreement
        parts += [
            "### Where the models disagree",
            f"Of {numbers.grouped(agreed.n)} test examples every run gets "
            f"{numbers.share(agreed.all_right)} right and none gets "
            f"{numbers.share(agreed.all_wrong)} right.",
        ]
    return parts + _written(section)


def _written(section: Section) -> list[str]:
    """A text a temperature, and the figures of all."""
    figures = samples_grid(contenders(section.table))
    if figures is None:
        return []
    texts = of_the_best(section.written)
    lines = [
        f"- {each.temperature:g}: {_plain(each.prompt)} **→** {_plain(each.text)}" for each in texts
    ]
    told = f"{_plain(texts[0].model)} goes on from a prompt, by temperature:" if texts else ""
    return [
        "### What they wrote",
        *([told, "\n".join(lines)] if texts else []),
        *_grid(figures),
    ]


def _grid(grid: Grid) -> list[str]:
    return [_lines(grid.heads, grid.rows, right=False), *map(_plain, grid.notes)]


def _lines(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: bool) -> str:
    rule = ["---", *["---:" if right else "---"] * (len(heads) - 1)]
    lines = [[_plain(head) for head in heads], rule, *([_plain(cell) for cell in r] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """Text as code; nothing within ends it."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def _plain(text: str) -> str:
    """Text in one line whose characters mean nothing to Markdown or HTML."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", text)
