from __future__ import annotations

import pytest
import torch

from seqbench.models.layers.locked_dropout import LockedDropout


def test_a_feature_is_dropped_at_all_positions_of_a_row():
    torch.manual_seed(0)
    dropped_BTD = LockedDropout(rate=0.25)(torch.ones(40, 5, 30))
    assert torch.equal(dropped_BTD, dropped_BTD[:, :1].expand_as(dropped_BTD))
    torch.testing.assert_close(dropped_BTD.unique(), torch.tensor([0.0, 4 / 3]))
    assert (dropped_BTD == 0).float().mean() == pytest.approx(0.25, abs=0.05)
    assert not torch.equal(dropped_BTD[0], dropped_BTD[1])


def test_nothing_is_dropped_in_evaluation():
    x_BTD = torch.ones(2, 3, 4)
    assert LockedDropout(rate=0.5).eval()(x_BTD) is x_BTD
