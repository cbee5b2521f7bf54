"""The chunked cross-entropy against torch's own over all logits."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from seqbench.batch import IGNORED
from seqbench.models.layers import output_layer
from seqbench.models.layers.output_layer import OutputLayer


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_loss_and_gradients_are_those_of_all_logits(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_layer, "CHUNK_ELEMENTS", rows * 11)
    torch.manual_seed(0)
    layer = OutputLayer(d_input=5, vocab_size=11)
    torch.nn.init.normal_(layer.bias_V)
    hidden = torch.randn(10, 5, requires_grad=True)
    targets = torch.randint(0, 11, (10,))
    targets[[2, 7]] = IGNORED
    parts = [hidden, layer.weight_VD, layer.bias_V]
    expected = F.cross_entropy(layer(hidden), targets, reduction="sum", ignore_index=IGNORED)
    wanted = torch.autograd.grad(3 * expected, parts)
    found = layer.loss_sum(hidden, targets)
    got = torch.autograd.grad(3 * found, parts)
    torch.testing.assert_close(found, expected)
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    losses = layer.losses(hidden.detach(), targets)
    torch.testing.assert_close(losses.sum(), expected)
    assert losses[2] == 0


def test_tied_it_has_a_bias_and_at_most_a_projection_of_its_own() -> None:
    embedding = torch.nn.Embedding(11, 4)
    same = OutputLayer(d_input=4, vocab_size=11, tied=embedding.weight)
    assert [name for name, _ in same.named_parameters()] == ["weight_VD", "bias_V"]
    assert same.weight_VD is embedding.weight
    other = OutputLayer(d_input=6, vocab_size=11, tied=embedding.weight)
    assert other.project.weight.shape == (4, 6)
    assert other(torch.randn(3, 6)).shape == (3, 11)


def test_it_runs_in_mixed_precision() -> None:
    layer, hidden = OutputLayer(d_input=5, vocab_size=11), torch.randn(7, 5, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = layer.loss_sum(hidden.bfloat16(), torch.randint(0, 11, (7,)))
    loss.backward()
    assert layer.weight_VD.grad is not None
    assert loss.dtype == torch.float32
