"""The report in the terminal: a table, the answer, and what went wrong."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from seqbench.report.columns import columns, label
from seqbench.report.content import Content
from seqbench.report.grids import claims_grid
from seqbench.report.tables import Table

_WIDTHS = (0, 104, 150)  # of the terminal, from which columns of a kind are shown


def print_report(content: Content, console: Console | None = None) -> None:
    """Prints the tables, the answers and the runs without a score.

    Args:
        content: what `gather` found.
        console: where to; standard output by default.
    """
    console = console or Console()
    for section in content.sections:
        console.print(_table(section.table, console.width))
        for line in section.equal:
            console.print(escape(line), highlight=False)
    for answer in content.answers:
        console.print(f"[bold]{escape(answer)}[/bold]", highlight=False)
    if claims := claims_grid(content.claims):
        for verdict, claim, *data, found in claims.rows:
            where = f" on {data[0]}" if data else ""
            line = f"{verdict}: {claim}{where} ({found})".replace("\N{NO-BREAK SPACE}", " ")
            console.print(escape(line), highlight=False)
    for note in content.notes[1:]:
        console.print(f"[yellow]{escape(note)}[/yellow]", highlight=False)
    if content.failures:
        console.print(f"\n[red]Runs without a score: {len(content.failures)}[/red]")
        for failure in content.failures:
            line = f"  {failure.run_id} ({failure.status}): {failure.reason}"
            console.print(escape(line), highlight=False, soft_wrap=True)
    if content.pending:
        running = sum(each.running for each in content.pending)
        line = f"Runs without a record: {len(content.pending)} ({running} running)"
        console.print(f"\n[yellow]{line}[/yellow]", highlight=False)


def _table(table: Table, width: int) -> RichTable:
    rich = RichTable(
        title=escape(table.data),
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    shown = [column for column in columns(table) if width >= _WIDTHS[column.width]]
    rich.add_column("model", overflow="fold")
    for column in shown:
        rich.add_column(escape(column.head), justify="right", no_wrap=True)
    best = next(iter(table.networks), None)
    for row in table.rows:
        texts = [label(row), *(column.cell(row).text for column in shown)]
        style = "bold" if row is best else "dim" if row.baseline else None
        rich.add_row(*map(escape, texts), style=style)
    return rich
