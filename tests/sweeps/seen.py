"""An observer of launchers, for tests, and what gives them jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import TrainingError
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.feed import Listed

MakeJobs = Callable[..., list[Job]]


class Seen:
    """An observer that remembers.

    Attributes:
        begun: of how many runs it was told how they stand, and how many were to run at once.
        log: starts, runs that others have, and notes, in their order.
        outcomes: of the runs that have ended.
        on_started: what is done as the run of a seed starts.
        on_elsewhere: what is done as another process is found to have a run.
    """

    def __init__(self) -> None:
        self.begun: tuple[int, int] | None = None
        self.outcomes: list[Outcome] = []
        self.log: list[str] = []
        self.on_elsewhere: Callable[[], None] = lambda: None
        self.on_started: dict[int, Callable[[], None]] = {}

    def begin(self, statuses: Any, at_once: int) -> None:
        self.begun = (len(statuses), at_once)

    def started(self, job: Job) -> None:
        self.log.append(f"started {job.seed}")
        self.on_started.get(job.seed, lambda: None)()

    def elsewhere(self, job: Job) -> None:
        self.log.append(f"elsewhere {job.seed}")
        self.on_elsewhere()

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def note(self, line: str) -> None:
        self.log.append(line)

    def tick(self) -> None: ...


class Torn(Listed):
    """A feed whose database goes away once the run of seed 0 has started."""

    def __init__(self, jobs: list[Job], seen: Seen) -> None:
        super().__init__(jobs)
        self._seen = seen

    def take(self) -> Job | None:
        if "started 0" in self._seen.log:
            raise TrainingError("the study's database is gone")
        return super().take()
