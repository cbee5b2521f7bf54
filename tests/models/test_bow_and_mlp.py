from __future__ import annotations

import pytest
import torch

from seqbench.models.bow import BagOfWords
from seqbench.models.mlp import MLP

X_BTD = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
MASK_BT = torch.tensor([[True] * 4, [True, True, False, False]])


def test_bow_passes_its_input_on():
    encoder = BagOfWords(d_input=3)
    hidden_BTD, mask_BT, _ = encoder(X_BTD, MASK_BT)
    assert hidden_BTD is X_BTD and mask_BT is MASK_BT
    assert encoder.d_output == 3


def test_mlp_without_layers_is_the_mean_over_valid_positions():
    hidden_BTD, mask_BT, _ = MLP(d_input=3, num_layers=0)(X_BTD, MASK_BT)
    torch.testing.assert_close(
        hidden_BTD[:, 0], torch.stack([X_BTD[0].mean(0), X_BTD[1, :2].mean(0)])
    )
    assert mask_BT.tolist() == [[True], [True]]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_mlp_is_its_dense_layers_in_a_row(activation):
    encoder = MLP(d_input=3, d_hidden=5, num_layers=2, activation=activation)
    w, b, v, c = encoder.parameters()
    function = getattr(torch, activation)
    expected_D = function(function(X_BTD[0].mean(0) @ w.T + b) @ v.T + c)
    torch.testing.assert_close(encoder(X_BTD, MASK_BT).hidden_BTD[0, 0], expected_D)
