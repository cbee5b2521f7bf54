from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqbench.models.lstm import LSTM
from seqbench.models.rnn import RNN


def logit(share: float) -> float:
    return math.log(share / (1 - share))


@pytest.mark.parametrize(
    ("forget", "update", "candidate", "cell"), [(0.5, 0.6, 0.2, 0.12), (0.9, 0.3, -0.5, -0.15)]
)
def test_a_cell_state_worked_by_hand(forget, update, candidate, cell):
    encoder = LSTM(d_input=1, d_hidden=1)
    for parameter in encoder.parameters():
        nn.init.zeros_(parameter)
    bias_G = encoder.forward_layers[0].rnn.bias_ih_l0
    with torch.no_grad():
        bias_G[:3] = torch.tensor([logit(update), logit(forget), math.atanh(candidate)])
    state = encoder.initial_state(1, torch.device("cpu"))
    hidden_BD, (_, cell_BD) = encoder.step(torch.ones(1, 1), state)
    assert cell_BD.item() == pytest.approx(cell)
    assert hidden_BD.item() == pytest.approx(0.5 * math.tanh(cell))


def test_the_equations_step_by_step():
    torch.manual_seed(0)
    encoder = LSTM(d_input=3, d_hidden=4)
    w, u, b, c = encoder.parameters()
    x_BTD = torch.randn(2, 6, 3)
    hidden_BD = cell_BD = torch.zeros(2, 4)
    expected = []
    for x_BD in x_BTD.unbind(1):
        write, keep, new, read = (x_BD @ w.T + hidden_BD @ u.T + b + c).chunk(4, 1)
        cell_BD = keep.sigmoid() * cell_BD + write.sigmoid() * new.tanh()
        hidden_BD = read.sigmoid() * cell_BD.tanh()
        expected.append(hidden_BD)
    got_BTD = encoder(x_BTD, torch.ones(2, 6, dtype=torch.bool)).hidden_BTD
    torch.testing.assert_close(got_BTD, torch.stack(expected, 1))


def copy_into_torch(encoder, reference: nn.RNNBase) -> None:
    """Our layers' weights into torch's stacked module, which names them by depth and direction."""
    for depth, layer in enumerate(encoder.forward_layers):
        for suffix, one in (("", layer), ("_reverse", encoder.backward_layers[depth])):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                target = getattr(reference, f"{name}_l{depth}{suffix}")
                target.data.copy_(getattr(one.rnn, f"{name}_l0"))


@pytest.mark.parametrize(("ours", "theirs"), [(LSTM, nn.LSTM), (RNN, nn.RNN)])
def test_both_directions_equal_torch_on_packed_sequences(ours, theirs):
    torch.manual_seed(0)
    encoder = ours(d_input=3, d_hidden=4, num_layers=2, bidirectional=True)
    reference = theirs(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    copy_into_torch(encoder, reference)
    lengths_B = torch.tensor([4, 7, 1])
    x_BTD = torch.randn(3, 7, 3)
    mask_BT = torch.arange(7) < lengths_B[:, None]
    packed = pack_padded_sequence(x_BTD, lengths_B, batch_first=True, enforce_sorted=False)
    expected_BTD, _ = pad_packed_sequence(reference(packed)[0], batch_first=True)
    got_BTD = encoder(x_BTD, mask_BT).hidden_BTD
    torch.testing.assert_close(got_BTD[mask_BT], expected_BTD[mask_BT])


def test_the_forget_gate_begins_open_and_every_gate_orthogonal():
    torch.manual_seed(0)
    for layer in LSTM(d_input=3, d_hidden=8, num_layers=2, bidirectional=True).forward_layers:
        bias_G = layer.rnn.bias_ih_l0 + layer.rnn.bias_hh_l0
        assert bias_G.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
        for gate_DD in layer.rnn.weight_hh_l0.split(8):
            torch.testing.assert_close(gate_DD @ gate_DD.T, torch.eye(8))


def test_four_gates_to_the_grus_three():
    from seqbench.models.gru import GRU

    lstm, gru = (
        sum(p.numel() for p in encoder(d_input=30, d_hidden=20, num_layers=2).parameters())
        for encoder in (LSTM, GRU)
    )
    assert 3 * lstm == 4 * gru
