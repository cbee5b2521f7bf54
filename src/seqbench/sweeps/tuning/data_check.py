"""Whether the data is still what the runs of a search saw."""

from __future__ import annotations

from collections.abc import Sequence

from seqbench.config.job import Job
from seqbench.sweeps.execute import Execute, Launcher, Outcome
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.freezing import free
from seqbench.sweeps.kept import Kept
from seqbench.sweeps.state import RunStatus, survey


def is_other_data(jobs: Sequence[Job], launcher: Launcher, execute: Execute) -> bool:
    """Whether complete runs saw data that is no more.

    One run of each data is looked at, which trains nothing.

    Args:
        jobs: the runs.
        launcher: where they are looked at.
        execute: does one job.

    Raises:
        KeyboardInterrupt: the look was broken off.
    """
    kept = Kept(rerun=False)
    for job, status in zip(jobs, survey(jobs), strict=True):
        if status.state == "completed" and not status.held:
            kept.add(job, status)
    checks = kept.checks()
    for job in checks:
        free(job)
    told: list[Outcome] = []
    if checks:
        stopped = launcher.launch(Listed(), execute, told.append, _Unseen(), checks=checks)
        if stopped or len(told) < len(checks) or any(e.status == "interrupted" for e in told):
            raise KeyboardInterrupt
    return any("data" in each.stale for each in told)


class _Unseen:
    """The observer of these looks, which are no trials."""

    def begin(self, statuses: Sequence[RunStatus], at_once: int) -> None:
        """Not shown, as all else."""

    def started(self, job: Job) -> None:
        """Not shown."""

    def elsewhere(self, job: Job) -> None:
        """Not shown."""

    def ended(self, outcome: Outcome) -> None:
        """Not shown."""

    def note(self, line: str) -> None:
        """Not shown."""

    def tick(self) -> None:
        """Not shown."""
