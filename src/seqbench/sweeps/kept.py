"""The runs of a sweep that are complete already: kept, or done again where they are stale."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from seqbench.config.job import Job
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.state import RunStatus


@dataclass
class Kept:
    """Completed runs, in groups that were made from the same data.

    Whether data is still what it was is found out by executing one run of each group: that trains
    nothing, and what is true of it is true of the others.

    Attributes:
        rerun: whether stale ones are to be done again.
        outdated: those that are, as far as they are judged: jobs that do not mind the record.
    """

    rerun: bool
    outdated: list[Job] = field(default_factory=list)
    _groups: dict[str, list[tuple[Job, RunStatus]]] = field(default_factory=dict)

    def add(self, job: Job, status: RunStatus) -> bool:
        """Takes in a completed run; False for one that is stale by its record, to be done again."""
        if self.rerun and status.stale:
            return False
        parts = {key: job.config[key] for key in ("data", "tokenizer", "paths")}
        made_from = json.dumps([parts, status.data], sort_keys=True)
        self._groups.setdefault(made_from, []).append((job, status))
        return True

    def checks(self) -> list[Job]:
        """One run of each group."""
        return [group[0][0] for group in self._groups.values()]

    def judged(self, outcome: Outcome) -> list[Outcome]:
        """What one job's end says: of its whole group, if it is one of the checks."""
        for key, group in self._groups.items():
            if group[0][0].run_id == outcome.run_id:
                del self._groups[key]
                if outcome.status == "completed" and not outcome.already:  # its record was gone
                    return [outcome, *self._outcomes(group[1:], ())]
                return self._outcomes(group, outcome.stale)  # where looking failed: as recorded
        return [outcome]

    def unjudged(self) -> list[Outcome]:
        """The runs whose check did not come about: as their records have them."""
        groups, self._groups = self._groups, {}
        return [outcome for group in groups.values() for outcome in self._outcomes(group, ())]

    def _outcomes(
        self, group: list[tuple[Job, RunStatus]], found: tuple[str, ...]
    ) -> list[Outcome]:
        kept: list[Outcome] = []
        for job, status in group:
            stale = tuple(dict.fromkeys((*status.stale, *found)))
            if stale and self.rerun:
                self.outdated.append(forced(job))
            else:
                kept.append(Outcome(job.run_id, "completed", already=True, stale=stale))
        return kept


def forced(job: Job) -> Job:
    """The job, done again although its record is complete."""
    return replace(job, config={**job.config, "force": True})
