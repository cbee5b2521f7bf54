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
    positions_T = torch.arange(x_BTD.shape[1], device=x_BTD.device)
    mirrored_BT = lengths_B[:, None] - 1 - positions_T
    index_BT = torch.where(mirrored_BT >= 0, mirrored_BT, positions_T)
    return x_BTD.gather(1, index_BT[..., None].expand_as(x_BTD))
