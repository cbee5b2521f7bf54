from __future__ import annotations

import torch

from seqbench.models.layers.max_pool import max_pool


def test_neighbours_are_pooled_as_far_as_they_are_valid():
    x_BTD = torch.tensor([[-5.0, -1.0, -3.0, -4.0, -2.0], [-5.0, -6.0, -7.0, 9.0, 9.0]])[..., None]
    mask_BT = torch.arange(5) < torch.tensor([5, 3])[:, None]
    pooled_BTD, short_BT = max_pool(x_BTD, mask_BT, 2)
    assert pooled_BTD[..., 0].tolist() == [[-1, -3, -2], [-5, -7, 0]]
    assert short_BT.tolist() == [[True, True, True], [True, True, False]]
