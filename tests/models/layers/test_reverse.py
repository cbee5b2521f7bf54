from __future__ import annotations

import torch

from seqbench.models.layers.reverse import reverse_within

X_BTD = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 0.0, -1.0]])[..., None]


def test_each_row_turns_within_its_length():
    reversed_BTD = reverse_within(X_BTD, torch.tensor([4, 2]))
    assert reversed_BTD[..., 0].tolist() == [[4, 3, 2, 1], [6, 5, 0, -1]]


def test_twice_is_once_nothing():
    lengths_B = torch.tensor([3, 1])
    assert torch.equal(reverse_within(reverse_within(X_BTD, lengths_B), lengths_B), X_BTD)
