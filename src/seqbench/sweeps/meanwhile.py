"""What others have made of a job since this sweep began."""

from __future__ import annotations

from contextlib import suppress

from seqbench.config.job import Job
from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.record import COMPLETED, FAILED, PRUNED, RunRecord
from seqbench.sweeps.execute import Outcome, reason_of


def ended_since(job: Job, began: str) -> Outcome | None:
    """The job's end, if another sweep has brought it about since `began`; ISO 8601."""
    record = record_of(job)
    if record is None or (record.provenance.finished or "") <= began:
        return None
    if record.status == COMPLETED:
        return Outcome(job.run_id, "completed", record=record, already=True)
    if record.status == PRUNED:
        return Outcome(job.run_id, "pruned", record=record, already=True)
    if record.status == FAILED:
        return Outcome(job.run_id, "failed", reason_of(record), record, already=True)
    return None


def record_of(job: Job) -> RunRecord | None:
    """The job's record; None where there is none that can be read."""
    with suppress(RecordError):
        return RunFolder(job.folder).read_record()
    return None
