"""The adaptive softmax: losses are those of its distribution, which sums to one."""

from __future__ import annotations

import pytest
import torch

from seqbench.batch import IGNORED
from seqbench.errors import ConfigError
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


def test_sequences_and_a_single_vector_have_the_distributions_of_their_vectors() -> None:
    torch.manual_seed(0)
    layer, hidden_BTD = AdaptiveOutput(d_input=4, vocab_size=9, cutoffs=[5]), torch.randn(2, 3, 4)
    logs_BTV = layer(hidden_BTD)
    assert logs_BTV.shape == (2, 3, 9)
    torch.testing.assert_close(logs_BTV[1], layer(hidden_BTD[1]))
    torch.testing.assert_close(logs_BTV[1, 2], layer(hidden_BTD[1, 2]))


def test_doubles_stay_doubles() -> None:
    layer = AdaptiveOutput(d_input=4, vocab_size=9, cutoffs=[5]).double()
    hidden_ND, targets_N = torch.randn(7, 4, dtype=torch.float64), torch.randint(0, 9, (7,))
    losses_N = layer.losses(hidden_ND, targets_N)
    expected = -layer(hidden_ND)[range(7), targets_N]
    torch.testing.assert_close(losses_N, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(
        layer.loss_sum(hidden_ND, targets_N), expected.sum(), rtol=1e-12, atol=0
    )


def test_a_cluster_without_width_is_refused() -> None:
    AdaptiveOutput(d_input=16, vocab_size=9, cutoffs=[3, 6])
    with pytest.raises(
        ConfigError,
        match=r"task\.cutoffs: expected vectors of width 16 or more for 2 clusters, .* 15",
    ):
        AdaptiveOutput(d_input=15, vocab_size=9, cutoffs=[3, 6])
