"""Freezing a sweep's jobs: what executes them, wherever and whenever, reads that alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from seqbench.config.job import Job, freeze, thaw
from seqbench.errors import RecordError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.record import COMPLETED


def freeze_idle(job: Job) -> None:
    """Writes config.yaml, unless it is that of a process which runs the job now.

    Raises:
        RecordError: it cannot be written.
    """
    folder = RunFolder(job.folder)
    if is_held(folder.lock) and folder.config.exists():
        return
    if job.config["force"]:
        _begin_anew(folder)
    freeze(job, folder.config)


def free(job: Job) -> None:
    """Has the config of a complete run say that it is not to be done again.

    It was forced, or was to be: looking at it would train it.
    """
    folder = RunFolder(job.folder)
    with suppress(RecordError, KeyError):  # unreadable: so will whoever looks at it find
        frozen = thaw(folder.config)
        if frozen.config["force"] and not is_held(folder.lock):
            config = {**frozen.config, "force": False}
            freeze(replace(frozen, config=config), folder.config)


def _begin_anew(folder: RunFolder) -> None:
    """Clears the folder of a training that was not being forced; once it is frozen nobody knows.

    What is complete stays until the run begins.
    """
    with suppress(RecordError, KeyError):  # unreadable, or somebody has just begun it
        if thaw(folder.config).config["force"]:
            return
        with folder.claim():
            record = folder.read_record()
            if record is None or record.status != COMPLETED:
                folder.clear()
