"""A job executed once: claimed, frozen, run; or found complete."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqbench.config.job import Job, freeze
from seqbench.errors import ConfigError, DataError, Diverged, RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.provenance import code_hash
from seqbench.records.record import COMPLETED, RunRecord
from seqbench.training.assemble import set_up_data
from seqbench.training.run import run
from seqbench.training.training_files import discard_training, training_checkpoints


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What came of a job.

    Attributes:
        record: the run's record.
        was_complete: whether it had been there already, and nothing was trained.
        stale: what has changed since a record that was there was made: "code", "data".
    """

    record: RunRecord
    was_complete: bool
    stale: tuple[str, ...] = ()


def execute(job: Job, *, expected_data: str | None = None) -> Execution:
    """Run the job unless its folder holds a completed record; `force` runs it again.

    A run that was interrupted or killed, or that ran into an error, goes on from its last
    checkpoint; one whose training diverged starts afresh, as does one that is forced and was not
    being forced before. Bad input found before training leaves no run folder behind; a
    training that fails leaves its record.

    Args:
        job: the run to be done.
        expected_data: fingerprint of the data that it is meant to see; other data is told of
            before it trains.

    Raises:
        RecordError: another process holds the run folder, or it cannot be written to.
        SeqbenchError: what ended the run.
    """
    folder = RunFolder(job.folder)
    made = [path for path in (folder.path, *folder.path.parents) if not path.exists()]
    with folder.claim():
        forced = job.config["force"]
        record = _earlier(folder, forced=forced)
        if record is not None and record.status == COMPLETED and not forced:
            with suppress(RecordError):  # told to stop between its record and its end
                discard_training(folder)
            return Execution(record=record, was_complete=True, stale=changed_since(record, job))
        if _is_over(record) or not training_checkpoints(folder):
            folder.clear()
        folder.record.unlink(missing_ok=True)
        freeze(job, folder.config)
        try:
            record = run(job.config, folder, overrides=job.overrides, expected_data=expected_data)
        except (ConfigError, DataError):
            record = folder.read_record()
            if record is None or record.status != COMPLETED:
                _undo(folder, made)
            raise
        return Execution(record=record, was_complete=False)


def _earlier(folder: RunFolder, *, forced: bool) -> RunRecord | None:
    """The record of an earlier try; one that cannot be read is overcome by force."""
    try:
        return folder.read_record()
    except RecordError:
        if not forced:
            raise
        folder.clear()
        return None


def _is_over(record: RunRecord | None) -> bool:
    """Whether a training came to its end, or to nothing.

    A full disk, a killed data worker or rank, and memory that was not there have not spoilt it.
    """
    if record is None:
        return False
    diverged = record.error is not None and record.error.type == Diverged.__name__
    return diverged or record.status == COMPLETED


def changed_since(record: RunRecord, job: Job) -> tuple[str, ...]:
    """What a completed record was made from that is no longer the same: "code", "data"."""
    changed = []
    if record.provenance.code != code_hash(job.config):
        changed.append("code")
    parts = {key: job.config[key] for key in ("data", "tokenizer", "paths")}
    fingerprint = _data_fingerprint(json.dumps(parts, sort_keys=True))
    if fingerprint not in (None, record.provenance.data_fingerprint):
        changed.append("data")
    return tuple(changed)


@functools.cache
def _data_fingerprint(parts: str) -> str | None:
    """The data's fingerprint, computed once for all jobs of a sweep; None where it is gone."""
    try:
        return set_up_data({**json.loads(parts), "seed": 0}).fingerprint()  # it orders batches only
    except DataError:
        return None


def _undo(folder: RunFolder, made: Sequence[Path]) -> None:
    """After bad input: once it is mended, the run goes on, or it was never there."""
    if folder.path in made:
        folder.remove()
        _remove_empty(made[1:])
    elif training_checkpoints(folder):
        folder.record.unlink(missing_ok=True)


def _remove_empty(folders: Iterable[Path]) -> None:
    """Study and outputs folder, unless another run has come to lie in them."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
