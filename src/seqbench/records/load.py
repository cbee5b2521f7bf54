"""Reading many records: nothing is dropped silently."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqbench.errors import RecordError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.record import COMPLETED, RunRecord

_INSIDE_A_RUN = {"checkpoints", "wandb"}


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A record and the folder that it lies in."""

    folder: RunFolder
    record: RunRecord


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A run folder that adds no record, and why.

    Attributes:
        path: the folder.
        message: why, in a line.
        state: "unreadable"; "duplicate" of another run; "running" now; "unrecorded": it has not
            started, or was killed.
    """

    path: Path
    message: str
    state: Literal["unreadable", "duplicate", "running", "unrecorded"]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What was found: readable runs sorted by study and run id, and everything else by name."""

    runs: tuple[StoredRun, ...]
    problems: tuple[Problem, ...]

    @property
    def records(self) -> list[RunRecord]:
        """The records alone, in the same order."""
        return [run.record for run in self.runs]


def load_records(paths: Path | str | Sequence[Path | str]) -> Loaded:
    """Every run at or below the given folders.

    A run that occurs twice is counted once: twice the same evidence is not more evidence. A run id
    that completed twice with other outcomes is two runs: one before a change, and one after.

    Args:
        paths: run folders, study folders, or folders of studies.

    Raises:
        RecordError: one of the paths does not exist.
    """
    given = [paths] if isinstance(paths, Path | str) else list(paths)
    found: dict[str, list[StoredRun]] = {}
    problems: list[Problem] = []
    # By real path: a study named twice, once by an absolute path, is one study.
    folders = {path.resolve(): path for top in given for path in run_folders(Path(top))}
    for path in sorted(folders.values()):
        folder = RunFolder(path)
        try:
            record = folder.read_record()
        except RecordError as error:
            problems.append(Problem(path=path, message=error.line(), state="unreadable"))
            continue
        if record is None:
            problems.append(_unrecorded(folder))
            continue
        run = StoredRun(folder=folder, record=record)
        others = found.setdefault(record.run_id, [])
        same = next((other for other in others if _same(other.record, record)), None)
        if same is None:
            others.append(run)
            continue
        kept, left = _better(same, run)
        others[others.index(same)] = kept
        named = f"{kept.record.study}/{kept.record.run_id}"
        message = f"the same run as {named}, in another folder: counted once"
        problems.append(Problem(path=left.folder.path, message=message, state="duplicate"))
    every = (run for runs in found.values() for run in runs)
    runs = sorted(
        every, key=lambda run: (run.record.study, run.record.run_id, str(run.folder.path))
    )
    return Loaded(runs=tuple(runs), problems=tuple(sorted(problems, key=lambda p: p.path)))


def run_folders(top: Path) -> Iterator[Path]:
    """The run folders at or below a folder.

    Raises:
        RecordError: there is no such folder.
    """
    if not top.is_dir():
        raise RecordError(
            str(top),
            expected="a run folder, or a folder of runs",
            got="a file" if top.exists() else "nothing there",
        )
    for where, names, files in os.walk(top):
        names[:] = sorted(set(names) - _INSIDE_A_RUN)
        if "record.json" in files or "config.yaml" in files:
            yield Path(where)


def _unrecorded(folder: RunFolder) -> Problem:
    if is_held(folder.lock):
        return Problem(path=folder.path, message="no record yet: it is running", state="running")
    message = "no record yet: it has not started, or it was killed"
    return Problem(path=folder.path, message=message, state="unrecorded")


def _same(first: RunRecord, second: RunRecord) -> bool:
    both_completed = first.status == COMPLETED == second.status
    return first == second or not both_completed


def _better(first: StoredRun, second: StoredRun) -> tuple[StoredRun, StoredRun]:
    if second.record.status == COMPLETED != first.record.status:
        return second, first
    return first, second
