"""A resumed run's history in W&B: told again from the start, into one new offline run.

An offline run cannot be gone on with: a second one under the same id would overlap the first.
"""

from __future__ import annotations

import logging
import math
from typing import Any

from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.training.wandb_mirror import WandbMirror

log = logging.getLogger(__name__)

# Of the history alone.
_OWN = {"step", "seconds", "planned/steps", "budget/share"}


def replay(mirror: WandbMirror, folder: RunFolder) -> None:
    """Log every row of the history under the names and steps that it was logged by.

    Online nothing is to be told again: the server has it, and goes on with the run.
    """
    if not mirror.logger.experiment.offline:
        return
    for row in read_metrics(folder.metrics):
        values = _as_logged(row)
        if values.keys() - {"epoch"}:
            mirror.logger.log_metrics(values, step=row["step"])


def told_again(mirror: WandbMirror, folder: RunFolder) -> WandbMirror:
    """In the place of a mirror that broke offline a whole one, as far as W&B works again."""
    anew = mirror.anew() if mirror.is_broken else None
    if anew is None:
        return mirror
    replay(anew, folder)
    log.info("W&B was told the whole run again, from its history")
    return anew


def _as_logged(row: dict[str, Any]) -> dict[str, float]:
    """A row's values; JSON has no NaN, and of tokens only training metrics tell."""
    trained = any(name.startswith("train/") for name in row)
    unsaid = _OWN if trained else _OWN | {"tokens"}
    return {
        name: math.nan if value is None else value
        for name, value in row.items()
        if name not in unsaid
    }
