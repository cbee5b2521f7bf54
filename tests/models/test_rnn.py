from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from seqbench.models.rnn import RNN


def test_a_step_worked_by_hand():
    encoder = RNN(d_input=1, d_hidden=1)
    for parameter, value in zip(encoder.parameters(), (0.4, 0.2, 0.0, 0.0), strict=True):
        nn.init.constant_(parameter, value)
    hidden_BD, _ = encoder.step(torch.tensor([[3.0]]), (torch.tensor([[0.4]]),))
    assert hidden_BD.item() == pytest.approx(math.tanh(1.28))
    assert hidden_BD.item() == pytest.approx(0.856, abs=5e-4)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_equation_step_by_step(activation):
    torch.manual_seed(0)
    encoder = RNN(d_input=3, d_hidden=4, activation=activation)
    w, u, b, c = encoder.parameters()
    x_BTD = torch.randn(2, 6, 3)
    hidden_BD = torch.zeros(2, 4)
    expected = []
    for x_BD in x_BTD.unbind(1):
        hidden_BD = getattr(torch, activation)(x_BD @ w.T + hidden_BD @ u.T + b + c)
        expected.append(hidden_BD)
    got_BTD = encoder(x_BTD, torch.ones(2, 6, dtype=torch.bool)).hidden_BTD
    torch.testing.assert_close(got_BTD, torch.stack(expected, 1))


def test_recurrent_weights_begin_orthogonal_and_biases_at_zero():
    torch.manual_seed(0)
    _, u, b, c = RNN(d_input=3, d_hidden=8).parameters()
    torch.testing.assert_close(u @ u.T, torch.eye(8))
    assert not b.any() and not c.any()
