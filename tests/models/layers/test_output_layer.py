"""The chunked cross-entropy against torch's own over all logits."""

from __future__ import annotations

import copy

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


def test_doubles_stay_doubles() -> None:
    torch.manual_seed(0)
    layer = OutputLayer(d_input=5, vocab_size=11).double()
    hidden, targets = torch.randn(7, 5, dtype=torch.float64), torch.randint(0, 11, (7,))
    expected = F.cross_entropy(layer(hidden), targets, reduction="none")
    torch.testing.assert_close(layer.losses(hidden, targets), expected, rtol=1e-13, atol=0)
    torch.testing.assert_close(layer.loss_sum(hidden, targets), expected.sum(), rtol=1e-13, atol=0)


@pytest.mark.parametrize("width", [torch.float32, torch.float16])
@pytest.mark.parametrize(("sure", "scale"), [(0.0, 65536 / 400), (16.0, 65536.0)])
def test_in_half_precision_a_scaled_loss_has_the_gradients_of_whole_numbers(
    sure: float, scale: float, width: torch.dtype
) -> None:
    """As on a GPU, where the loss is scaled up so that gradients are not too small for 16 bits.

    Of a model that is sure of its targets all gradients are, until they are scaled; and the scale
    of a sum, 65,536, is too large.
    """
    torch.manual_seed(0)
    layer = OutputLayer(d_input=8, vocab_size=300)
    targets_N = torch.full((400,), 7) if sure else torch.randint(0, 300, (400,))
    with torch.no_grad():
        layer.weight_VD.copy_((0.3 * torch.randn(300, 8)).half())
        layer.bias_V[7] += sure
    hidden_ND = torch.randn(400, 8).half()
    whole, exact_ND = copy.deepcopy(layer).double(), hidden_ND.double().requires_grad_()
    loss = F.cross_entropy(whole(exact_ND), targets_N, reduction="sum")
    wanted = torch.autograd.grad(scale * loss, [exact_ND, whole.weight_VD, whole.bias_V])
    given_ND = hidden_ND.to(width).requires_grad_()
    with torch.autocast("cpu", dtype=torch.float16):
        total = layer.loss_sum(given_ND, targets_N)
    got = torch.autograd.grad(scale * total, [given_ND, layer.weight_VD, layer.bias_V])
    assert [part.dtype for part in got] == [width, torch.float32, torch.float32]
    for one, other in zip(got, wanted, strict=True):
        rows, expected = one.double().reshape(len(one), -1), other.reshape(len(other), -1)
        gaps = (rows - expected).norm(dim=1) / expected.norm(dim=1)
        assert gaps.median() < 0.01
        assert gaps.max() < 0.15  # a probability near 1 has its own error in single precision
