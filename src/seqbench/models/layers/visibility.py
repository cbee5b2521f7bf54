"""Which position may see which: masks of attention, and what a cache must still hold.

Positions count the valid places of a row from 0; padding has position -1.
"""

from __future__ import annotations

import torch
from torch import Tensor

PADDING = -1


def positions_of(mask_BT: Tensor, past_BS: Tensor | None = None) -> Tensor:
    """Positions_BT of new places, counted on from those in the cache."""
    counted_BT = mask_BT.cumsum(1) - 1
    if past_BS is not None and past_BS.shape[1]:
        counted_BT = counted_BT + past_BS.amax(1, keepdim=True) + 1
    return counted_BT.masked_fill(~mask_BT, PADDING)


def visible_back(positions_BT: Tensor, positions_BS: Tensor, window: int | None) -> Tensor:
    """True_BTS where a query sees a key: its own and, as far as the window reaches, earlier ones.

    Args:
        positions_BT: of the queries, which are the last T of the keys.
        positions_BS: of the keys.
        window: keys that a query sees at most, its own among them; None for no limit.
    """
    num_queries, num_keys = positions_BT.shape[1], positions_BS.shape[1]
    slots_S = torch.arange(num_keys, device=positions_BS.device)
    slots_T1 = slots_S[num_keys - num_queries :, None]
    visible_BTS = (slots_S <= slots_T1) & (positions_BS != PADDING)[:, None]
    if window is not None:
        visible_BTS &= positions_BT[:, :, None] - positions_BS[:, None] < window
    # Its own key is open to padding, too: a softmax over nothing would not be a number.
    return visible_BTS | (slots_S == slots_T1)


def first_needed(positions_BS: Tensor, window: int) -> int:
    """The first slot that some row's next position sees; a row's last position always counts."""
    last_B1 = positions_BS.amax(1, keepdim=True)
    needed_BS = positions_BS >= torch.minimum(last_B1, last_B1 + 2 - window).clamp(min=0)
    return int(needed_BS.any(0).int().argmax())
