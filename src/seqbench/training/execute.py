"""A job executed once: claimed, frozen, run; or found complete."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqbench.config.job import Job, freeze
from seqbench.errors import ConfigError, DataError
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import code_hash
from seqbench.records.record import RunRecord
from seqbench.training.run import run


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What came of a job.

    Attributes:
        record: the run's record.
        was_complete: whether it had been there already, and nothing was trained.
    """

    record: RunRecord
    was_complete: bool

    @property
    def is_stale(self) -> bool:
        """Whether other code than the present one made the record."""
        return self.record.provenance.code != code_hash()


def execute(job: Job) -> Execution:
    """Run the job unless its folder holds a completed record; `force` runs it again.

    A run that failed or was interrupted starts afresh. Bad input found before training leaves no
    run folder behind; a training that fails leaves its record.

    Raises:
        RecordError: another process holds the run folder, or it cannot be written to.
        SeqbenchError: what ended the run.
    """
    folder = RunFolder(job.folder)
    made = [path for path in (folder.path, *folder.path.parents) if not path.exists()]
    with folder.claim():
        record = folder.read_record()
        if record is not None and record.status == "completed" and not job.config["force"]:
            return Execution(record=record, was_complete=True)
        folder.clear()
        freeze(job, folder.config)
        try:
            record = run({**job.config, "run_id": job.run_id}, folder, overrides=job.overrides)
        except (ConfigError, DataError):
            if folder.path in made:
                folder.remove()
                _remove_empty(made[1:])
            raise
        return Execution(record=record, was_complete=False)


def _remove_empty(folders: Iterable[Path]) -> None:
    """Study and outputs folder, unless another run has come to lie in them."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
