"""Which epoch weights come from."""

from __future__ import annotations

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn


def trained_epoch(trainer: pl.Trainer) -> int:
    """The epoch, counted from 0, in which weights that are validated were last trained.

    Once training has ended, in an epoch's middle too, Lightning's own count is one more.
    """
    if trainer.state.fn == TrainerFn.FITTING:
        return trainer.current_epoch
    return max(0, trainer.current_epoch - 1)
