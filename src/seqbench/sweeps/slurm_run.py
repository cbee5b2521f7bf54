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
from seqbench.training.training_files import last_checkpoint

AGAIN_SECONDS = 2.0  # between two tries to be queued again
GIVE_UP_SECONDS = 60.0  # of them: many jobs may be preempted together, and the controller is busy


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
        job_id = os.environ["SLURM_JOB_ID"]
        path = Path(self.folder, f"{job_id}.json")
        path.unlink(missing_ok=True)  # of an earlier start of the same job
        before = self._checkpoint()
        outcome = perform(self.order)
        if outcome.status == "interrupted":
            outcome = self._come_back(job_id, outcome, before)
        tell(path, outcome)
        sys.exit(EXIT_CODES[outcome.status])

    def _come_back(self, job_id: str, outcome: Outcome, before: int | None) -> Outcome:
        """Has an interrupted run queued again, if it was not cancelled; else says why not."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                return self._queued_again(job_id, outcome, before)
            except NoAnswer as error:
                if time.monotonic() > deadline:
                    return replace(outcome, reason=f"it could not be queued again: {error}")
                time.sleep(AGAIN_SECONDS)

    def _queued_again(self, job_id: str, outcome: Outcome, before: int | None) -> Outcome:
        known = details(job_id)
        state = known.get("JobState", "")
        if state not in ("RUNNING", "PREEMPTED", "TIMEOUT"):
            return outcome  # cancelled, or queued again already
        preempted = state == "PREEMPTED" or known.get("PreemptTime", "None") != "None"
        if not preempted and self._checkpoint() in (None, before):  # it would come back for ever
            why = f"Slurm's limit of {known.get('TimeLimit')} came before a new checkpoint"
            return replace(outcome, status="failed", reason=why)
        requeue(job_id)
        return outcome

    def _checkpoint(self) -> int | None:
        """Tells the run's last checkpoint from any other; None while there is none."""
        path = last_checkpoint(RunFolder(self.order.folder))
        return path.stat().st_mtime_ns if path.exists() else None
