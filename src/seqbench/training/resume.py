"""Where an interrupted run can go on: its last checkpoint, if that is this run's and whole."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.records.record import Rollback
from seqbench.training.checkpoint_file import read_checkpoint
from seqbench.training.training_files import (
    best_checkpoint,
    discard_training,
    find_best,
    last_checkpoint,
    move,
    training_checkpoints,
)

log = logging.getLogger(__name__)

STATE = "seqbench"  # where a checkpoint holds what is ours
MadeOf = dict[str, str | dict[str, str] | None]


class UnusableCheckpoint(RecordError):
    """A checkpoint that is whole, and whose state cannot be taken up: it was changed by hand."""


@dataclass(frozen=True, kw_only=True)
class ResumePoint:
    """A checkpoint that fits.

    Attributes:
        path: the checkpoint.
        history: bytes of `metrics.jsonl` that belong to it.
        seconds: of fitting before it, over all earlier tries.
        best: the file of the best validation's weights so far; None before the first.
        rollbacks: how often the run has gone back before.
        has_just_rolled_back: whether the last of them led here, and nothing was trained since.
    """

    path: Path
    history: int
    seconds: float
    best: Path | None
    rollbacks: tuple[Rollback, ...]
    has_just_rolled_back: bool


def rollbacks_before(point: ResumePoint | None) -> tuple[Rollback, ...]:
    """How often the run has gone back; never, where it begins."""
    return () if point is None else point.rollbacks


def resume_point(folder: RunFolder, made_of: MadeOf) -> ResumePoint | None:
    """The last checkpoint, or else the one before; None where neither can be gone on from.

    Whatever cannot be gone on from is told in a warning.

    Args:
        folder: the run folder.
        made_of: what the run is made of now, by name; a checkpoint made of anything else is not
            gone on from, so that no run is ever a mixture.
    """
    candidates = training_checkpoints(folder)
    for path in candidates:
        then = "the one before is used" if path != candidates[-1] else "training starts afresh"
        try:
            return _resume_point(folder, path, made_of)
        except RecordError as error:
            log.warning("%s: %s", error.line(), then)
        except (KeyError, TypeError):  # whole, but of another program or version
            log.warning("%s: expected our own format, got another format: %s", path, then)
    return None


def _resume_point(folder: RunFolder, path: Path, made_of: MadeOf) -> ResumePoint:
    content = read_checkpoint(path)
    state = content[STATE]
    check_same(path, state["made_of"], made_of)
    if state["history"] > _size(folder.metrics):  # of a way that the run has left, or it was cut
        raise RecordError(
            str(path),
            expected=f"a history of {state['history']} bytes or more",
            got=f"{_size(folder.metrics)} in {folder.metrics.name}",
        )
    point = ResumePoint(
        path=path,
        history=state["history"],
        seconds=state["seconds"],
        best=None if state["best"] is None else find_best(folder, state["best"]),
        rollbacks=tuple(Rollback(**each) for each in state["rollbacks"]),
        has_just_rolled_back=state["has_just_rolled_back"],
    )
    log.info("going on from step %d in epoch %d", content["global_step"], content["epoch"] + 1)
    return point


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def rewind(folder: RunFolder, point: ResumePoint | None) -> None:
    """Take history, best weights and checkpoints back to where the run goes on, or to nothing.

    Raises:
        RecordError: the history is not the one that the checkpoint knows.
    """
    if point is None:
        folder.metrics.unlink(missing_ok=True)
        folder.prune.unlink(missing_ok=True)  # it was said of what is gone
        # What could not be used must not become the one before the next.
        discard_training(folder)
        return
    with MetricsWriter(folder.metrics) as writer:
        writer.truncate(point.history)
    if point.best is not None:
        move(point.best, best_checkpoint(folder))
    move(point.path, last_checkpoint(folder))


def check_same(path: Path, then: dict[str, Any], now: MadeOf) -> None:
    """Refuse a checkpoint that is made of something else.

    Raises:
        RecordError: what has changed.
    """
    changed = [name for name in now if then.get(name) != now[name]]
    if changed:
        what = " and ".join(changed)
        raise RecordError(str(path), expected="what the run is made of now", got=f"other {what}")
