"""Writing a report: the page, Markdown, LaTeX, and every number as JSON."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqbench.records.store import unwritable, write_atomic
from seqbench.report.content import Content, gather
from seqbench.report.html import render_html
from seqbench.report.latex import render_latex
from seqbench.report.markdown import render_markdown
from seqbench.report.plain import plain


@dataclass(frozen=True)
class Report:
    """What was written, and what it says.

    Attributes:
        html: the page.
        markdown: the same without figures.
        latex: the tables, for a paper.
        json: every number of all of them.
        content: what they were made from, e.g. for `print_report`.
    """

    html: Path
    markdown: Path
    latex: Path
    json: Path
    content: Content


def write_report(
    paths: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    question: str | None = None,
    live: bool = False,
) -> Report:
    """Reports on every run at or below the folders; the same records give the same bytes.

    Args:
        paths: run folders, study folders, or folders of studies.
        out: the folder to write to; made where it does not exist.
        question: what the runs were made to answer; made from the runs where it is None.
        live: the runs are still being made: the page says so and reloads itself.

    Raises:
        RecordError: a path does not exist, there is no run, or `out` cannot be written to.
    """
    content = gather(paths, question, live=live)
    folder = Path(out)
    make_writable(folder)
    report = Report(
        html=folder / "report.html",
        markdown=folder / "report.md",
        latex=folder / "report.tex",
        json=folder / "report.json",
        content=content,
    )
    text = json.dumps(plain(content), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(report.json, text + "\n")
    write_atomic(report.markdown, render_markdown(content))
    write_atomic(report.latex, render_latex(content))
    write_atomic(report.html, render_html(content))
    return report


def make_writable(folder: Path) -> None:
    """Makes the folder to write to.

    Raises:
        RecordError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise unwritable(folder, error, "out") from error
