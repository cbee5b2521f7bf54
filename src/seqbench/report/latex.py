"""The tables in LaTeX, for a paper; they need the package booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from seqbench.report.columns import columns, label
from seqbench.report.content import Content, Section
from seqbench.report.grids import (
    NUM_OVER_SEEDS,
    across_grid,
    changes_grid,
    claims_grid,
    pairs_grid,
)

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
    "\N{NO-BREAK SPACE}": "~",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
_WIDEST = 1  # columns that need a very wide place are left to the page


def render_latex(content: Content) -> str:
    """A `table` environment for each table of the report, what it says as the caption."""
    parts = ["% Needs \\usepackage{booktabs}; labels in other scripts need LuaLaTeX or XeLaTeX."]
    if claims := claims_grid(content.claims):
        form = "l" + r"p{0.2\linewidth}" * (len(claims.heads) - 2) + r"p{0.5\linewidth}"
        caption = "Claims, stated beforehand."
        parts.append(_table(claims.heads, claims.rows, caption, "claims", form))
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
    found = [_table(heads, rows, " ".join([section.answer, *section.equal]), f"results{suffix}")]
    if pairs := pairs_grid(section.pairs):
        # Side by side they are wider than a page.
        halves = {"pairs": range(NUM_OVER_SEEDS), "examples": (0, *range(
            NUM_OVER_SEEDS, len(pairs.heads)))}  # fmt: skip
        for named, places in halves.items():
            if len(places) > 1:
                heads = [pairs.heads[place] for place in places]
                rows = [[row[place] for place in places] for row in pairs.rows]
                found.append(_table(heads, rows, " ".join(pairs.notes), f"{named}{suffix}"))
    return found


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, name: str, form: str = ""
) -> str:
    body = [" & ".join(map(_plain, row)) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_plain(caption)}}}",
            rf"\label{{tab:{name}}}",
            rf"\begin{{tabular}}{{{form or 'l' + 'r' * (len(heads) - 1)}}}",
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
    """Text in one line; what no 8-bit engine knows is left to LuaLaTeX or XeLaTeX."""
    return "".join(_ESCAPES.get(character, character) for character in " ".join(text.split()))
