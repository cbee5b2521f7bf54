"""The report in Markdown, as it can be pasted into a README or an issue."""

from __future__ import annotations

import re

from seqbench.report.columns import cells, headers, label
from seqbench.report.content import Content
from seqbench.report.tables import Table


def render_markdown(content: Content) -> str:
    """The whole report but for the figures."""
    parts = [f"# {_plain(content.question)}"]
    parts += [_plain(answer) for answer in content.answers]
    for table in content.tables:
        parts += [f"## {_plain(table.data)}", _table(table)]
    parts += [_plain(note) for note in content.notes]
    if content.failures:
        lines = [f"- {_code(f.run_id)} ({f.status}): {_plain(f.reason)}" for f in content.failures]
        parts += [f"## Runs without a score ({len(content.failures)})", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    heads = headers(table)
    lines = [[_plain(head) for head in heads], ["---", *["---:"] * (len(heads) - 1)]]
    lines += [
        [_plain(label(row)), *(cell.text for cell in cells(table, row))] for row in table.rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """Text as code; nothing within ends it."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def _plain(text: str) -> str:
    """Text in one line whose characters mean nothing to Markdown or HTML."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", text)
