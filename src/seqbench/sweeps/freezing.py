"""Freezing a sweep's jobs: what executes them, wherever and whenever, reads that alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from seqbench.config.job import Job, freeze, thaw
from seqbench.errors import RecordError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder


def freeze_idle(job: Job) -> None:
    """Writes config.yaml, unless it is that of a process which runs the job now.

    Raises:
        RecordError: it cannot be written.
    """
    folder = RunFolder(job.folder)
    if is_held(folder.lock) and folder.config.exists():
        return
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
