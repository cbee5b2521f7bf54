"""Reading many records: nothing is dropped silently."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqbench.errors import RecordError
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
    """A run folder whose record cannot be used, and why."""

    path: Path
    message: str


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

    A run that occurs twice (the same run id) is counted once, a completed one before another:
    twice the same evidence is not more evidence.

    Args:
        paths: run folders, study folders, or folders of studies.

    Raises:
        RecordError: one of the paths does not exist.
    """
    given = [paths] if isinstance(paths, Path | str) else list(paths)
    found: dict[str, StoredRun] = {}
    problems: list[Problem] = []
    # By real path: a study named twice, once by an absolute path, is one study.
    folders = {path.resolve(): path for top in given for path in _run_folders(Path(top))}
    for path in sorted(folders.values()):
        folder = RunFolder(path)
        try:
            record = folder.read_record()
        except RecordError as error:
            problems.append(Problem(path=path, message=error.line()))
            continue
        if record is None:
            message = "no record yet: it is running, or it was killed"
            problems.append(Problem(path=path, message=message))
            continue
        run = StoredRun(folder=folder, record=record)
        other = found.get(record.run_id)
        if other is None:
            found[record.run_id] = run
            continue
        kept, left = _better(other, run)
        found[record.run_id] = kept
        message = f"the same run as {kept.folder.path}: counted once"
        problems.append(Problem(path=left.folder.path, message=message))
    runs = sorted(found.values(), key=lambda run: (run.record.study, run.record.run_id))
    return Loaded(runs=tuple(runs), problems=tuple(sorted(problems, key=lambda p: p.path)))


def _run_folders(top: Path) -> Iterator[Path]:
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


def _better(first: StoredRun, second: StoredRun) -> tuple[StoredRun, StoredRun]:
    if second.record.status == COMPLETED != first.record.status:
        return second, first
    return first, second
