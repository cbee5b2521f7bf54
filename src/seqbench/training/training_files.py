"""The files that an unfinished training keeps, and which of them is needed how long.

`last.ckpt` and the one before it hold the whole training, `good.ckpt` the beginning of the epoch
where a rollback is asked for. Each knows one best validation; its weights are in `best.ckpt`, or,
once a better one has come, in `best-<step>.ckpt` for as long as a checkpoint may go back to it.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.store import unwritable


def last_checkpoint(folder: RunFolder) -> Path:
    """Where the state of an unfinished training lies."""
    return folder.checkpoints / "last.ckpt"


def previous_checkpoint(folder: RunFolder) -> Path:
    """The one before `last.ckpt`, in case that is damaged."""
    return folder.checkpoints / "previous.ckpt"


def good_checkpoint(folder: RunFolder) -> Path:
    """Where the state at the beginning of the epoch lies."""
    return folder.checkpoints / "good.ckpt"


def best_checkpoint(folder: RunFolder) -> Path:
    """Where the weights of the best validation lie."""
    return folder.checkpoints / "best.ckpt"


def training_checkpoints(folder: RunFolder) -> list[Path]:
    """What is there to go on from, the newest first."""
    both = (last_checkpoint(folder), previous_checkpoint(folder))
    return [path for path in both if path.exists()]


def discard_training(folder: RunFolder) -> None:
    """Remove what only an unfinished training needs; the best weights stay.

    Raises:
        RecordError: a file cannot be removed.
    """
    for checkpoint in (last_checkpoint, previous_checkpoint, good_checkpoint):
        _remove(checkpoint(folder))
    drop_older_bests(best_checkpoint(folder), needed=())


def older_best(best: Path, step: int) -> Path:
    """Where the weights of a best validation at this step go, once there is a better one."""
    return best.with_name(f"{best.stem}-{step}{best.suffix}")


def drop_older_bests(best: Path, *, needed: Collection[int]) -> None:
    """Remove the older bests but those of the needed steps.

    Raises:
        RecordError: a file cannot be removed.
    """
    keep = {older_best(best, step) for step in needed}
    for path in best.parent.glob(f"{best.stem}-*{best.suffix}"):
        if path not in keep:
            _remove(path)


def find_best(folder: RunFolder, step: int) -> Path:
    """The file that holds the best validation's weights of this step.

    Raises:
        RecordError: there is none that is whole.
    """
    # Here, since torch takes long to load: who asks where a file lies may have to heed signals.
    from seqbench.training.checkpoint_file import read_checkpoint

    best = best_checkpoint(folder)
    try:
        if read_checkpoint(best)["global_step"] == step:
            return best
    except RecordError:
        if not older_best(best, step).exists():
            raise
    path = older_best(best, step)
    read_checkpoint(path)
    return path


def move(path: Path, to: Path) -> None:
    """Put a file in the place of another; one that is there already stays.

    Raises:
        RecordError: it cannot be moved.
    """
    try:
        os.replace(path, to)
    except OSError as error:
        raise unwritable(path, error) from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
