from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seqbench.models.lstm import LSTM
from seqbench.models.peephole_lstm import PeepholeLSTM

MASK_BT = torch.ones(2, 6, dtype=torch.bool)


def logit(share: float) -> float:
    return math.log(share / (1 - share))


@pytest.mark.parametrize(
    ("forget", "update", "candidate", "cell"), [(0.5, 0.6, 0.2, 0.12), (0.9, 0.3, -0.5, -0.15)]
)
def test_a_cell_state_worked_by_hand(forget, update, candidate, cell):
    encoder = PeepholeLSTM(d_input=1, d_hidden=1)
    layer = encoder.forward_layers[0]
    for parameter in encoder.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        layer.bias_G[:3] = torch.tensor([logit(update), logit(forget), math.atanh(candidate)])
    state = encoder.initial_state(1, torch.device("cpu"))
    _, (_, cell_BD) = encoder.step(torch.ones(1, 1), state)
    assert cell_BD.item() == pytest.approx(cell)


def test_without_peepholes_it_is_torchs_lstm():
    torch.manual_seed(0)
    lstm = LSTM(d_input=3, d_hidden=4, num_layers=2, bidirectional=True)
    peephole = PeepholeLSTM(d_input=3, d_hidden=4, num_layers=2, bidirectional=True)
    layers = zip(
        [*lstm.forward_layers, *lstm.backward_layers],
        [*peephole.forward_layers, *peephole.backward_layers],
        strict=True,
    )
    for source, target in layers:
        target.input_GI.data.copy_(source.rnn.weight_ih_l0)
        target.recurrent_GD.data.copy_(source.rnn.weight_hh_l0)
        target.bias_G.data.copy_(source.rnn.bias_ih_l0 + source.rnn.bias_hh_l0)
    x_BTD = torch.randn(2, 6, 3)
    expected_BTD = lstm(x_BTD, MASK_BT).hidden_BTD
    torch.testing.assert_close(peephole(x_BTD, MASK_BT).hidden_BTD, expected_BTD)


@pytest.mark.parametrize(
    ("gate", "gate_function"),
    [("sigmoid", torch.sigmoid), ("hard_sigmoid", lambda x: (x / 6 + 0.5).clamp(0, 1))],
)
@pytest.mark.parametrize(("cell", "cell_function"), [("tanh", torch.tanh), ("relu", F.relu)])
def test_the_equations_step_by_step(gate, gate_function, cell, cell_function):
    torch.manual_seed(0)
    encoder = PeepholeLSTM(d_input=3, d_hidden=4, gate_activation=gate, cell_activation=cell)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    w, u, b, peep_input, peep_forget, peep_output = encoder.parameters()
    x_BTD = torch.randn(2, 6, 3)
    h = c = torch.zeros(2, 4)
    expected = []
    for x in x_BTD.unbind(1):
        i, f, g, o = (x @ w.T + h @ u.T + b).chunk(4, 1)
        old = c
        c = gate_function(f + peep_forget * old) * old
        c = c + gate_function(i + peep_input * old) * cell_function(g)
        h = gate_function(o + peep_output * c) * cell_function(c)
        expected.append(h)
    torch.testing.assert_close(encoder(x_BTD, MASK_BT).hidden_BTD, torch.stack(expected, 1))


def test_the_forget_gate_begins_open():
    bias_G = PeepholeLSTM(d_input=3, d_hidden=2).forward_layers[0].bias_G
    assert bias_G.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
