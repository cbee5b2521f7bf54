"""An observer of launchers, for tests, and what gives them jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqbench.config.job import Job

MakeJobs = Callable[..., list[Job]]


class Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.on_elsewhere: Callable[[], None] = lambda: None
        self.on_started: dict[int, Callable[[], None]] = {}

    def begin(self, statuses: Any, at_once: int) -> None: ...

    def started(self, job: Job) -> None:
        self.log.append(f"started {job.seed}")
        self.on_started.get(job.seed, lambda: None)()

    def elsewhere(self, job: Job) -> None:
        self.log.append(f"elsewhere {job.seed}")
        self.on_elsewhere()

    def note(self, line: str) -> None:
        self.log.append(line)

    def tick(self) -> None: ...
