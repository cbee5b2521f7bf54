from __future__ import annotations

import pytest
import torch

from seqbench.models.gru import GRU


def run_by_hand(x_BTD, w, u, b, c, reset):
    """The equations; gates in torch's order: reset, update, new."""
    (wr, wz, wn), (ur, uz, un) = w.chunk(3), u.chunk(3)
    (br, bz, bn), (cr, cz, cn) = b.chunk(3), c.chunk(3)
    h = x_BTD.new_zeros(len(x_BTD), w.shape[0] // 3)
    hidden = []
    for x in x_BTD.unbind(1):
        r = torch.sigmoid(x @ wr.T + br + h @ ur.T + cr)
        z = torch.sigmoid(x @ wz.T + bz + h @ uz.T + cz)
        recurrent = (r * h) @ un.T + cn if reset == "before" else r * (h @ un.T + cn)
        h = z * h + (1 - z) * torch.tanh(x @ wn.T + bn + recurrent)
        hidden.append(h)
    return torch.stack(hidden, 1)


@pytest.mark.parametrize("reset", ["before", "after"])
def test_the_equations_step_by_step(reset):
    torch.manual_seed(0)
    encoder = GRU(d_input=3, d_hidden=4, reset=reset)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)
    w, u, b, *rest = encoder.parameters()
    c = rest[0] if rest else torch.zeros_like(b)
    x_BTD = torch.randn(2, 6, 3)
    got_BTD = encoder(x_BTD, torch.ones(2, 6, dtype=torch.bool)).hidden_BTD
    torch.testing.assert_close(got_BTD, run_by_hand(x_BTD, w, u, b, c, reset))


def test_before_and_after_differ_with_equal_weights():
    torch.manual_seed(0)
    after, before = (GRU(d_input=3, d_hidden=4, reset=reset) for reset in ("after", "before"))
    for target, source in zip(before.parameters(), after.parameters(), strict=False):
        target.data.copy_(source)
    x_BTD, mask_BT = torch.randn(2, 6, 3), torch.ones(2, 6, dtype=torch.bool)
    one_BTD, other_BTD = (e(x_BTD, mask_BT).hidden_BTD for e in (before, after))
    # The first position has nothing to reset: a hidden state of zeros either way.
    torch.testing.assert_close(one_BTD[:, 0], other_BTD[:, 0])
    assert (one_BTD[:, 1:] - other_BTD[:, 1:]).abs().max() > 1e-3
