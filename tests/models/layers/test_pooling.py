from __future__ import annotations

import pytest
import torch

from seqbench.errors import ConfigError
from seqbench.models.layers.pooling import Pooling

HIDDEN_BTD = torch.tensor(
    [[[1.0, 8.0], [5.0, -2.0], [3.0, 6.0]], [[-1.0, -4.0], [9.0, 9.0], [9.0, 9.0]]]
)
MASK_BT = torch.tensor([[True, True, True], [True, False, False]])


@pytest.mark.parametrize(
    ("kind", "both", "expected"),
    [
        ("last", False, [[3, 6], [-1, -4]]),
        ("last", True, [[3, 8], [-1, -4]]),
        ("mean", False, [[3, 4], [-1, -4]]),
        ("max", False, [[5, 8], [-1, -4]]),
    ],
)
def test_worked_by_hand(kind, both, expected):
    pool = Pooling(kind=kind, d_input=2, bidirectional=both)
    assert pool(HIDDEN_BTD, MASK_BT).tolist() == expected


def test_attention_is_a_weighted_mean_of_valid_positions():
    pool = Pooling(kind="attention", d_input=2)
    vector_BD = pool(HIDDEN_BTD, MASK_BT)
    scores = [torch.tanh(pool.project(h)) @ pool.query_D for h in HIDDEN_BTD[0]]
    weights = torch.stack(scores).softmax(0)
    torch.testing.assert_close(vector_BD[0], weights @ HIDDEN_BTD[0])
    torch.testing.assert_close(vector_BD[1], HIDDEN_BTD[1, 0])


@pytest.mark.parametrize("kind", ["last", "mean", "max", "attention"])
def test_padding_has_no_part_in_value_or_gradient(kind):
    torch.manual_seed(0)
    pool = Pooling(kind=kind, d_input=2)
    wild_BTD = HIDDEN_BTD.clone()
    wild_BTD[~MASK_BT] = 1e6
    wild_BTD.requires_grad_()
    vector_BD = pool(wild_BTD, MASK_BT)
    torch.testing.assert_close(vector_BD, pool(HIDDEN_BTD, MASK_BT))
    vector_BD.sum().backward()
    assert not wild_BTD.grad[~MASK_BT].any()
    assert wild_BTD.grad[MASK_BT].any()


def test_an_unknown_kind_lists_the_known():
    with pytest.raises(ConfigError, match="expected one of last, mean, max, attention, got sum"):
        Pooling(kind="sum", d_input=2)
