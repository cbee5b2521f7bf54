"""Whether the data is still what the runs of a search saw."""

from __future__ import annotations

from collections.abc import Sequence

from seqbench.config.job import Job
from seqbench.sweeps.execute import Execute, Launcher, Outcome
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.freezing import free
from seqbench.sweeps.kept import Kept
from seqbench.sweeps.state import RunStatus, survey


def outdated_data(
    jobs: Sequence[Job], launcher: Launcher, execute: Execute
) -> list[str | None] | None:
    """Fingerprints of the data that complete runs saw and that is no more; None where it all is.

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
        launcher.launch(Listed(), execute, told.append, _Unseen(), checks=checks)
    if len(told) < len(checks) or any(each.status == "interrupted" for each in told):
        raise KeyboardInterrupt
    records = [each.record for each in told if "data" in each.stale]
    found = [None if each is None else each.provenance.data_fingerprint for each in records]
    return found or None


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
