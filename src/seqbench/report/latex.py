"""The tables in LaTeX, for a paper; they need the package booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from seqbench.report.columns import columns, label
from seqbench.report.content import Content, Section
from seqbench.report.grids import across_grid, changes_grid, claims_grid, pairs_grid

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "<": "$<$",
    ">": "$>$",
    "✓": r"$+$",
    "✗": r"$\times$",
    "·": r"$\cdot$",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "…": r"\ldots{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
_WIDEST = 1  # columns that need a very wide place are left to the page


def render_latex(content: Content) -> str:
    """A `table` environment for each table of the report, what it says as the caption."""
    parts = ["% Needs \\usepackage{booktabs}."]
    if claims := claims_grid(content.claims):
        parts.append(_table(claims.heads, claims.rows, "Claims, stated beforehand.", "claims"))
    for number, each in enumerate(content.changes, start=1):
        grid = changes_grid(each)
        parts.append(_table(grid.heads, grid.rows, each.answer, f"changes-{number}"))
    if content.across is not None:
        grid = across_grid(content.across)
        parts.append(_table(grid.heads, grid.rows, " ".join(grid.notes), "across"))
    for number, section in enumerate(content.sections, start=1):
        parts += _section(section, str(number) if len(content.sections) > 1 else "")
    return "\n".join(parts)


def _section(section: Section, number: str) -> list[str]:
    table, suffix = section.table, f"-{number}" if number else ""
    shown = [column for column in columns(table) if column.width <= _WIDEST]
    heads = ["model", *(column.head for column in shown)]
    rows = [[label(row), *(column.cell(row).text for column in shown)] for row in table.rows]
    found = [_table(heads, rows, section.answer, f"results{suffix}")]
    if pairs := pairs_grid(section.pairs):
        found.append(_table(pairs.heads, pairs.rows, " ".join(pairs.notes), f"pairs{suffix}"))
    return found


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, name: str) -> str:
    body = [" & ".join(map(_plain, row)) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_plain(caption)}}}",
            rf"\label{{tab:{name}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
            r"\toprule",
            " & ".join(map(_plain, heads)) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _plain(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
