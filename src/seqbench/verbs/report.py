"""`seqbench report`: the comparison, from records alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqbench.config.compose import run_verb


def main(argv: list[str]) -> int:
    """Compose, check, render, and print the answer."""
    return run_verb("report", argv, report)


def report(settings: dict[str, Any]) -> int:
    """Report on the runs below `runs`; 0 once the files are written."""
    runs = settings["runs"]
    paths = [Path(path) for path in ([runs] if isinstance(runs, str) else runs)]
    out = Path(settings["out"]) if settings["out"] is not None else paths[0] / "report"
    write(paths, out)
    return 0


def write(paths: Sequence[Path], out: Path) -> None:
    """Write the report's files, and print its table, its answer and its path."""
    from seqbench.report.terminal import print_report
    from seqbench.report.write import write_report

    written = write_report(list(paths), out)
    print_report(written.content)
    print(f"report: {written.html}")
