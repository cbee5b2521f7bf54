"""Reversal of right-padded sequences, each within its own length."""

from __future__ import annotations

import torch
from torch import Tensor


def reverse_within(x_BTD: Tensor, lengths_B: Tensor) -> Tensor:
    """Each row's first `length` positions in reverse order; padding stays where it is.

    Its own inverse. A layer that reads left to right and is fed this reads right to left.

    Args:
        x_BTD: vectors.
        lengths_B: number of valid positions of each row.
    """
    batch, time, _ = x_BTD.shape
    positions_T = torch.arange(time, device=x_BTD.device)
    mirrored_BT = lengths_B[:, None] - 1 - positions_T
    index_BT = torch.where(mirrored_BT >= 0, mirrored_BT, positions_T)
    # Whole vectors picked from all rows laid end to end: less than half the time of a gather.
    starts_B1 = torch.arange(0, batch * time, time, device=x_BTD.device)[:, None]
    return x_BTD.flatten(0, 1).index_select(0, (starts_B1 + index_BT).flatten()).view_as(x_BTD)
