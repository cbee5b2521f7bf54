"""The tables in LaTeX, for a paper; they need the package booktabs."""

from __future__ import annotations

from seqbench.report.columns import cells, headers, label
from seqbench.report.content import Content
from seqbench.report.tables import Table

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "…": r"\ldots{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def render_latex(content: Content) -> str:
    """One `table` environment for each dataset, its answer as the caption."""
    pairs = zip(content.tables, content.answers, strict=False)
    return "\n".join(_table(table, answer) for table, answer in pairs)


def _table(table: Table, answer: str) -> str:
    heads = headers(table)
    body = [
        [_plain(label(row)), *(_plain(cell.text) for cell in cells(table, row))]
        for row in table.rows
    ]
    lines = [" & ".join(line) + r" \\" for line in body]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_plain(answer)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
            r"\toprule",
            " & ".join(map(_plain, heads)) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _plain(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
