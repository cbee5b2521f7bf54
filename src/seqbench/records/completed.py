"""The completed run that a path names."""

from __future__ import annotations

from pathlib import Path

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.load import StoredRun
from seqbench.records.record import COMPLETED


def completed_run(path: Path | str) -> StoredRun:
    """The run and its record.

    Args:
        path: a run folder, `outputs/<study>/<run_id>`; the `record.json` in it; or a study folder
            that holds one run.

    Raises:
        RecordError: there is no completed run, or several.
    """
    folder = RunFolder(_run_path(Path(path)))
    record = folder.read_record() if folder.path.is_dir() else None
    if record is None:
        raise RecordError(
            f"run {folder.path}",
            expected="the folder of a completed run, outputs/<study>/<run_id>",
            got=_instead(folder.path),
            remedy="train it first",
        )
    if record.status != COMPLETED:
        raise RecordError(
            f"run {folder.path}",
            expected="a completed run",
            got=f"one that {record.status}: {record.error.message if record.error else ''}",
            remedy="train it again",
        )
    return StoredRun(folder=folder, record=record)


def _run_path(path: Path) -> Path:
    """The run folder: of its record, or of the one run of a study."""
    if path.name == "record.json" and not path.is_dir():
        return path.parent
    if (path / "config.yaml").exists() or not path.is_dir():
        return path
    runs = sorted(record.parent for record in path.glob("*/record.json"))
    if len(runs) > 1:
        raise RecordError(
            f"run {path}",
            expected="one run",
            got=f"a study of {len(runs)}",
            remedy=f"name one of them, e.g. {runs[0]}",
        )
    return runs[0] if runs else path


def _instead(path: Path) -> str:
    if path.is_dir():
        return "no record.json"
    return "a file" if path.exists() else "no such folder"
