"""`seqbench report`: the comparison, from records alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqbench.config.compose import run_verb
from seqbench.records.load import load_records

_QUIET_SECONDS = 60.0  # without a running run, after which a live report ends


def main(argv: list[str]) -> int:
    """Compose, check, render, and print the answer."""
    return run_verb("report", argv, report)


def report(settings: dict[str, Any]) -> int:
    """Report on the runs below `runs`; 0 once the files are written."""
    runs = settings["runs"]
    paths = [Path(path) for path in ([runs] if isinstance(runs, str) else runs)]
    out = Path(settings["out"]) if settings["out"] is not None else paths[0] / "report"
    if settings["live"]:
        _keep(paths, out)
    write(paths, out, figures=settings["figures"])
    return 0


def write(paths: Sequence[Path], out: Path, *, figures: bool = True) -> None:
    """Write the report's files, print its table, its answer, and last its path."""
    from seqbench.report.terminal import print_report
    from seqbench.report.write import write_report

    written = write_report(list(paths), out)
    print_report(written.content)
    if figures and written.content.sections:
        from seqbench.report.paper import write_figures  # matplotlib takes a second to import

        sys.stdout.flush()  # figures take seconds, the answer need not wait
        print(f"figures for a paper: {write_figures(written.content, out / 'figures')}")
    print(f"report: {written.html}")


def _keep(paths: Sequence[Path], out: Path) -> None:
    """Render again as runs end, until none is left; Ctrl-C ends it as well."""
    from seqbench.report.live import follow
    from seqbench.report.write import write_report

    load_records(list(paths))  # a path that does not exist is told at once
    print(f"live: {out / 'report.html'} (Ctrl-C ends it)", flush=True)

    def render(live: bool) -> None:
        if live:  # the last one is the caller's, with all that belongs to it
            write_report(list(paths), out, live=True)

    try:
        follow(paths, render, _ended(paths))
    except KeyboardInterrupt:
        print()


def _ended(paths: Sequence[Path]) -> Callable[[], bool]:
    """Whether all runs have ended, or nothing has been running for a while."""
    from seqbench.report.live import waiting

    last = time.monotonic()

    def is_over() -> bool:
        nonlocal last
        unrecorded, running = waiting(paths)
        if running:
            last = time.monotonic()
        return not unrecorded or time.monotonic() - last > _QUIET_SECONDS

    return is_over
