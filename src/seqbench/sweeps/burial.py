"""A job that ended without a word: killed, or crashed below Python. Its record says so."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import replace

from seqbench.config.job import Job
from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import collect_provenance, utc_now
from seqbench.records.record import COMPLETED, FAILED, PRUNED, RunError, RunRecord
from seqbench.sweeps.execute import Outcome
from seqbench.training.forks import signal_name

_HINTS: dict[int, str] = {
    signal.SIGKILL: "by hand, or for want of memory",
    signal.SIGSEGV: "a crash below Python",
    signal.SIGBUS: "a crash below Python, or a full disk",
}


def bury(job: Job, code: int, said: str = "") -> Outcome:
    """Writes the failed record of a job whose process is gone.

    Args:
        job: the job.
        code: its process's exit code; negative for the signal that killed it.
        said: its last line, where that is not in the run's log.
    """
    return bury_as(job, *_cause(code, said))


def bury_as(job: Job, kind: str, message: str) -> Outcome:
    """Writes the failed record of a job whose end is known from others.

    Args:
        job: the job.
        kind: of error.
        message: why it ended.
    """
    folder = RunFolder(job.folder)
    reason = f"{message}; see {folder.log}" if folder.log.exists() else message
    with suppress(RecordError), folder.claim():
        record = folder.read_record()
        if record is not None and record.status == COMPLETED:
            return Outcome(job.run_id, "completed", record=record)  # it died after its work
        if record is not None and record.status == PRUNED:
            return Outcome(job.run_id, "pruned", record=record)
        record = RunRecord.of(
            job.config,
            job.overrides,
            status=FAILED,
            error=RunError(type=kind, message=reason),
            provenance=replace(collect_provenance(job.config), finished=utc_now()),
        )
        folder.write_record(record)
    return Outcome(job.run_id, "failed", reason)


def _cause(code: int, said: str) -> tuple[str, str]:
    if code >= 0:
        word = f"and said: {said}" if said else "and said nothing"
        return "ProcessEnd", f"its process ended with exit code {code} {word}"
    name, hint = signal_name(-code), _HINTS.get(-code)
    return name, f"killed by {name}" + (f" ({hint})" if hint else "")
