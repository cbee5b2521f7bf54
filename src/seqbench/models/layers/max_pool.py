"""Max pooling over neighbouring positions of a padded sequence."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def max_pool(x_BTD: Tensor, mask_BT: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The maximum of every `size` neighbours, as far as they are valid, and the shorter mask.

    A row of length n leaves ceil(n / size) positions, however much padding follows.
    """
    if size == 1:
        return x_BTD, mask_BT
    missing = -x_BTD.shape[1] % size
    lowest = torch.finfo(x_BTD.dtype).min
    x_BTD = F.pad(x_BTD.masked_fill(~mask_BT[..., None], lowest), (0, 0, 0, missing), value=lowest)
    mask_BT = F.pad(mask_BT, (0, missing))[:, ::size]
    pooled_BTD = torch.unflatten(x_BTD, 1, (-1, size)).amax(dim=2)
    return pooled_BTD.masked_fill(~mask_BT[..., None], 0.0), mask_BT
