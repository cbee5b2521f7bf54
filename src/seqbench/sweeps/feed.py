"""Feeds of jobs: a list of them, and all that a feed gives at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from seqbench.config.job import Job
from seqbench.sweeps.execute import Feed


class Listed:
    """A feed of jobs that are known beforehand, in their order.

    Args:
        jobs: frozen.
    """

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._left = deque(jobs)

    def take(self) -> Job | None:
        """The next."""
        return self._left.popleft() if self._left else None

    def is_done(self) -> bool:
        """Whether all were taken."""
        return not self._left


def taken(feed: Feed) -> list[Job]:
    """Every job that the feed has now."""
    found: list[Job] = []
    while (job := feed.take()) is not None:
        found.append(job)
    return found
