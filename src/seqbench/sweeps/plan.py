"""A sweep's jobs, all composed and checked before the first starts, and how they are executed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from seqbench.config.job import Job, freeze
from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.sweeps.execute import Execute, Outcome, unfinished

# Executes jobs, calling back with each outcome as it comes.
Launch = Callable[[Sequence[Job], Execute, Callable[[Outcome], None]], None]


@dataclass(frozen=True)
class Plan:
    """What a sweep will do.

    Attributes:
        jobs: the runs, each once, in the grid's order.
        settings: the keys that only `sweep` has: `dry_run`, `report`.
        launch: how they are executed.
    """

    jobs: tuple[Job, ...]
    settings: dict[str, Any]
    launch: Launch = field(repr=False)

    @property
    def study(self) -> str:
        """The study of the first job."""
        return self.jobs[0].study

    def execute(
        self, execute: Execute, *, on_outcome: Callable[[Outcome], None] | None = None
    ) -> list[Outcome]:
        """Freezes every job's config in its run folder, then executes them all.

        Args:
            execute: does one job and returns its record; what it raises is that job's outcome.
            on_outcome: called as each job ends.

        Returns:
            One outcome a job; after Ctrl-C those not ended are `interrupted`.
        """
        for job in self.jobs:
            _freeze(job)
        outcomes: list[Outcome] = []

        def ended(outcome: Outcome) -> None:
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)

        with suppress(KeyboardInterrupt):  # told by the jobs without an outcome
            self.launch(self.jobs, execute, ended)
        return outcomes + unfinished(self.jobs, outcomes)


def _freeze(job: Job) -> None:
    """Writes config.yaml; a completed run keeps the one it was made with."""
    folder = RunFolder(job.folder)
    if not job.config["force"]:
        try:
            record = folder.read_record()
        except RecordError:
            return  # executing it says what is wrong, and stops no other run
        if record is not None and record.status == "completed":
            return
    freeze(job, folder.config)
