"""The adaptive softmax: losses are those of its distribution, which sums to one."""

from __future__ import annotations

import pytest
import torch

from seqbench.batch import IGNORED
from seqbench.models.layers import adaptive_output
from seqbench.models.layers.adaptive_output import AdaptiveOutput


def test_losses_are_those_of_a_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive_output, "CHUNK", 4)
    torch.manual_seed(0)
    layer = AdaptiveOutput(d_input=16, vocab_size=50, cutoffs=[10, 30])
    hidden_ND, targets_N = torch.randn(11, 16), torch.randint(0, 50, (11,))
    targets_N[[0, 1, 2, 3, 6]] = IGNORED  # a whole chunk among them
    logs_NV = layer(hidden_ND)
    torch.testing.assert_close(logs_NV.exp().sum(1), torch.ones(11))
    losses_N = layer.losses(hidden_ND, targets_N)
    for row, target in enumerate(targets_N.tolist()):
        expected = 0.0 if target == IGNORED else -logs_NV[row, target].item()
        assert losses_N[row].item() == pytest.approx(expected, abs=1e-5)
    torch.testing.assert_close(layer.loss_sum(hidden_ND, targets_N), losses_N.sum())
