"""Figures that tests count while they run, summed up at the end of a session: `tests.conftest`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

_PROPERTY = "seqbench tally"
KILLS, LOST, WRONG, INPUTS = "kills survived", "runs lost", "records wrong", "bad inputs tried"
FAULTS, CELLS = "faults caused", "resumed runs compared"


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """Counts what a test did, also of a test that fails."""
    counts: Counter[str] = Counter()
    yield counts
    # Properties travel with a report, also from a worker of pytest-xdist.
    request.node.user_properties.append((_PROPERTY, dict(counts)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sums, where anything was counted."""
    totals: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                for name, counted in report.user_properties:
                    totals.update(counted if name == _PROPERTY else {})
    if not totals:
        return
    terminalreporter.section("reliability")
    for name in (KILLS, CELLS, LOST, WRONG, FAULTS, INPUTS):
        terminalreporter.line(f"{name}: {totals[name]:,}")
