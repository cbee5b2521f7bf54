"""A run as a job of Slurm's: what is executed on the node, and when it is queued again."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from seqbench.records.folder import RunFolder
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.node import EXIT_CODES, Order, perform, tell
from seqbench.sweeps.slurm_commands import NoAnswer, details, requeue


@dataclass(frozen=True)
class SlurmRun:
    """What submitit calls in the job.

    A job that Slurm ends may come back, and then goes on from its checkpoint: one that it preempts,
    and one whose time is up. Slurm itself queues again what it preempts, unless the job ends within
    the time that it was granted; so the job asks for it. One that was cancelled stays cancelled.

    Attributes:
        order: the run's.
        folder: where the sweep looks for `<job id>.json`, which says how it ended.
    """

    order: Order
    folder: str

    def __call__(self) -> None:
        """Executes the run; the exit code says how it ended."""
        started = time.time()
        job_id = os.environ["SLURM_JOB_ID"]
        path = Path(self.folder, f"{job_id}.json")
        path.unlink(missing_ok=True)  # of an earlier start of the same job
        outcome = perform(self.order)
        if outcome.status == "interrupted":
            outcome = self._come_back(job_id, outcome, started)
        tell(path, outcome)
        sys.exit(EXIT_CODES[outcome.status])

    def _come_back(self, job_id: str, outcome: Outcome, started: float) -> Outcome:
        """Has an interrupted run queued again, if it was not cancelled; else says why not."""
        try:
            known = details(job_id)
            state = known.get("JobState", "")
            if state not in ("RUNNING", "PREEMPTED", "TIMEOUT"):
                return outcome  # cancelled, or queued again already
            preempted = state == "PREEMPTED" or known.get("PreemptTime", "None") != "None"
            if not preempted and not self._has_checkpoint_since(started):
                why = f"Slurm's limit of {known.get('TimeLimit')} came before its first checkpoint"
                return replace(outcome, status="failed", reason=why)
            requeue(job_id)
        except NoAnswer as error:
            return replace(outcome, reason=f"it could not be queued again: {error}")
        return outcome

    def _has_checkpoint_since(self, started: float) -> bool:
        """Whether this start has brought the run on: without, it would come back for ever."""
        # The sweep itself needs no torch.
        from seqbench.training.training_files import last_checkpoint

        path = last_checkpoint(RunFolder(self.order.folder))
        return path.exists() and path.stat().st_mtime >= started
