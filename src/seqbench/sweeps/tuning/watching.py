"""What has a search look after its running trials while a launcher works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.config.job import Job
from seqbench.sweeps.execute import Observer, Outcome
from seqbench.sweeps.state import RunStatus
from seqbench.sweeps.tuning.search import Search


@dataclass(frozen=True)
class Watching:
    """The observer of a launcher, which looks after running trials at each tick."""

    observer: Observer
    search: Search

    def begin(self, statuses: Sequence[RunStatus], at_once: int) -> None:
        """Passed on, as all but `tick`."""
        self.observer.begin(statuses, at_once)

    def started(self, job: Job) -> None:
        """Passed on."""
        self.observer.started(job)

    def elsewhere(self, job: Job) -> None:
        """Passed on."""
        self.observer.elsewhere(job)

    def ended(self, outcome: Outcome) -> None:
        """Passed on."""
        self.observer.ended(outcome)

    def note(self, line: str) -> None:
        """Passed on."""
        self.observer.note(line)

    def tick(self) -> None:
        """Look at the trials, then pass it on."""
        self.search.look()
        self.observer.tick()
