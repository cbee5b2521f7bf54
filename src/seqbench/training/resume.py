"""Where an interrupted run can go on: its last checkpoint, if that is this run's and whole."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.training.checkpoint_file import read_checkpoint

log = logging.getLogger(__name__)

STATE = "seqbench"  # where a checkpoint holds what is ours
MadeOf = dict[str, str | None]


@dataclass(frozen=True, kw_only=True)
class ResumePoint:
    """A checkpoint that fits.

    Attributes:
        path: the checkpoint.
        history: bytes of `metrics.jsonl` that belong to it.
        seconds: of fitting before it, over all earlier tries.
    """

    path: Path
    history: int
    seconds: float


def last_checkpoint(folder: RunFolder) -> Path:
    """Where the state of an unfinished training lies."""
    return folder.checkpoints / "last.ckpt"


def best_checkpoint(folder: RunFolder) -> Path:
    """Where the weights of the best validation lie."""
    return folder.checkpoints / "best.ckpt"


def resume_point(folder: RunFolder, made_of: MadeOf) -> ResumePoint | None:
    """The last checkpoint; None, with a warning, where it cannot be gone on from.

    Args:
        folder: the run folder.
        made_of: what the run is made of now, by name; a checkpoint made of anything else is not
            gone on from, so that no run is ever a mixture.
    """
    path = last_checkpoint(folder)
    if not path.exists():
        return None
    try:
        return _resume_point(folder, made_of)
    except RecordError as error:
        log.warning("%s: training starts afresh", error.line())
    except (KeyError, TypeError):  # whole, but of another program or version
        log.warning("%s: expected our own format, got another format: training starts afresh", path)
    return None


def _resume_point(folder: RunFolder, made_of: MadeOf) -> ResumePoint:
    path = last_checkpoint(folder)
    content = read_checkpoint(path)
    state = content[STATE]
    _check_same(path, state["made_of"], made_of)
    if state["has_best"]:
        read_checkpoint(best_checkpoint(folder))
    point = ResumePoint(path=path, history=state["history"], seconds=state["seconds"])
    log.info("going on from step %d in epoch %d", content["global_step"], content["epoch"] + 1)
    return point


def rewind(folder: RunFolder, point: ResumePoint | None) -> None:
    """Take the history back to where the run goes on, or to nothing.

    Raises:
        RecordError: the history is not the one that the checkpoint knows.
    """
    if point is None:
        folder.metrics.unlink(missing_ok=True)
        return
    with MetricsWriter(folder.metrics) as writer:
        writer.truncate(point.history)


def _check_same(path: Path, then: dict[str, Any], now: MadeOf) -> None:
    changed = [name for name in now if then.get(name) != now[name]]
    if changed:
        what = " and ".join(changed)
        raise RecordError(str(path), expected=f"the same {what}", got=f"another {what}")
