"""The report in the terminal: a table, the answer, and what went wrong."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from seqbench.report.columns import cells, headers, label
from seqbench.report.content import Content
from seqbench.report.tables import Table

_WIDE = 104
_FOR_WIDE = {"calibration error", "macro-F1"}  # left out of a terminal of 80 columns


def print_report(content: Content, console: Console | None = None) -> None:
    """Prints the tables, the answers and the runs without a score.

    Args:
        content: what `gather` found.
        console: where to; standard output by default.
    """
    console = console or Console()
    for table in content.tables:
        console.print(_table(table, console.width))
    for answer in content.answers:
        console.print(f"[bold]{escape(answer)}[/bold]", highlight=False)
    for note in content.notes[1:]:
        console.print(f"[yellow]{escape(note)}[/yellow]", highlight=False)
    if content.failures:
        console.print(f"\n[red]Runs without a score: {len(content.failures)}[/red]")
        for failure in content.failures:
            line = f"  {failure.run_id} ({failure.status}): {failure.reason}"
            console.print(escape(line), highlight=False, soft_wrap=True)


def _table(table: Table, width: int) -> RichTable:
    rich = RichTable(
        title=escape(table.data),
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    heads = headers(table)
    shown = [i for i, head in enumerate(heads) if width >= _WIDE or head not in _FOR_WIDE]
    for i in shown:
        rich.add_column(
            escape(heads[i]), justify="right" if i else "left", no_wrap=i > 0, overflow="fold"
        )
    best = next(iter(table.networks), None)
    for row in table.rows:
        texts = [label(row), *(cell.text for cell in cells(table, row))]
        style = "bold" if row is best else "dim" if row.baseline else None
        rich.add_row(*(escape(texts[i]) for i in shown), style=style)
    return rich
