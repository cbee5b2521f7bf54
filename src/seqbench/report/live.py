"""The report of runs that are still being made: rendered again as they end.

It is a process of its own, at the lowest priority, beside a sweep: what the sweep runs must not
wait for it. Nothing heavy is imported before there is something to show.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.load import run_folders

LOOK_SECONDS = 1.0  # between two looks at the run folders
REST_SECONDS = 10.0  # between two renderings, at least
REST_SHARE = 20.0  # times as long as a rendering took, at least: it costs 5 % of one core
_NICE = 19
_PATIENCE = 5.0  # seconds that a rendering has to end in, once the sweep has ended

State = frozenset[tuple[str, int]]


@contextmanager
def following(study: Path, out: Path) -> Iterator[None]:
    """Keeps the study's page up to date for the length of the block, in another process."""
    # -P: a module of the user's in the working folder must not take the place of a library's.
    program = [sys.executable, "-P", "-m", "seqbench.report.live"]
    command = [*program, str(study), str(out), str(os.getpid())]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def follow(
    paths: Sequence[Path],
    render: Callable[[bool], None],
    is_over: Callable[[], bool],
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Renders as runs end, until it is over; then once more, as a page that stays as it is.

    Args:
        paths: folders of runs.
        render: makes the report; is told whether it is to be a page that reloads itself.
        is_over: whether no more runs will end.
        sleep: waits.
        clock: tells the time in seconds.
    """
    seen: State = frozenset()
    rest_until = clock() + REST_SECONDS
    while not is_over():
        sleep(LOOK_SECONDS)
        if clock() < rest_until:
            continue
        now = state(paths)
        if now != seen:
            began = clock()
            render(True)
            seen = now
            rest_until = clock() + max(REST_SECONDS, REST_SHARE * (clock() - began))
    if state(paths):
        render(False)


def state(paths: Sequence[Path]) -> State:
    """Every record there is, and when it was written."""
    found = set()
    for folder in _folders(paths):
        with suppress(OSError):
            found.add((str(folder), (folder / "record.json").stat().st_mtime_ns))
    return frozenset(found)


def waiting(paths: Sequence[Path]) -> tuple[int, int]:
    """How many runs have no record yet, and how many of these a process has now."""
    without = [each for each in _folders(paths) if not (each / "record.json").exists()]
    return len(without), sum(is_held(RunFolder(each).lock) for each in without)


def _folders(paths: Sequence[Path]) -> Iterator[Path]:
    for top in paths:
        if top.is_dir():
            yield from run_folders(top)


def main(argv: Sequence[str]) -> int:
    """Follows a sweep: `python -m seqbench.report.live STUDY OUT PID`, a child of process PID."""
    study, out, parent = Path(argv[0]), Path(argv[1]), int(argv[2])
    os.nice(_NICE)
    # The sweep's own rendering follows at once: this one only has to leave nothing half-written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    follow([study], lambda live: render(study, out, live=live), lambda: os.getppid() != parent)
    return 0


def render(study: Path, out: Path, *, live: bool) -> None:
    """The study's report; what is wrong is left to the last one."""
    from seqbench.report.write import write_report

    with suppress(Exception):
        write_report(study, out, live=live)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
