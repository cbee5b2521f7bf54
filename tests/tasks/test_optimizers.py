from __future__ import annotations

import torch
from torch import nn

from seqbench.tasks.optimizers import SGD, AdamW, parameter_groups


def test_biases_and_norms_are_not_decayed() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3))
    decayed, kept = parameter_groups(module, 0.5)
    assert decayed == {"params": [module[0].weight], "weight_decay": 0.5}
    assert kept["weight_decay"] == 0.0
    assert {id(p) for p in kept["params"]} == {  # type: ignore[attr-defined]
        id(module[0].bias),
        id(module[1].weight),
        id(module[1].bias),
    }


def test_frozen_parameters_are_left_out() -> None:
    module = nn.Linear(4, 3)
    module.weight.requires_grad_(False)
    groups = parameter_groups(module, 0.5)
    assert [len(group["params"]) for group in groups] == [1]  # type: ignore[arg-type]


def test_adamw_first_step_moves_by_the_rate_and_decays_matrices_alone() -> None:
    module = nn.Linear(1, 1)
    with torch.no_grad():
        module.weight.fill_(2.0)
        module.bias.fill_(2.0)
    optimizer = AdamW(lr=0.1, weight_decay=0.5).build(module, fused=True)
    module(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    # Adam's first step is lr * sign(gradient); decay takes lr * 0.5 of the weight before it.
    torch.testing.assert_close(module.weight.item(), 2.0 * (1 - 0.05) - 0.1, rtol=1e-5, atol=0)
    torch.testing.assert_close(module.bias.item(), 2.0 - 0.1, rtol=1e-5, atol=0)


def test_sgd_without_momentum_is_plain_descent() -> None:
    module = nn.Linear(1, 1)
    before = module.weight.item()
    optimizer = SGD(lr=0.1, momentum=0.0).build(module, fused=False)
    module(torch.full((1, 1), 3.0)).sum().backward()
    optimizer.step()
    torch.testing.assert_close(module.weight.item(), before - 0.3, rtol=1e-6, atol=1e-6)
