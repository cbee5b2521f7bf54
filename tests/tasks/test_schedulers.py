from __future__ import annotations

import math

import pytest
import torch
from torch import nn, optim

from seqbench.tasks.schedulers import Constant, Cosine, Plateau


def rates(schedule: object, optimizer: optim.Optimizer, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()  # type: ignore[attr-defined]
    return found


@pytest.fixture
def optimizer() -> optim.Optimizer:
    return optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)


def test_cosine_warms_up_and_ends_at_its_final_share(optimizer: optim.Optimizer) -> None:
    schedule = Cosine(warmup=0.2, final=0.1).build(optimizer, total_steps=10, higher_is_better=True)
    found = rates(schedule, optimizer, 11)
    assert found[:3] == [0.5, 1.0, 1.0]
    assert found[6] == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 4 / 8)))
    assert found[10] == pytest.approx(0.1)


def test_constant_stays(optimizer: optim.Optimizer) -> None:
    schedule = Constant().build(optimizer, total_steps=5, higher_is_better=True)
    assert rates(schedule, optimizer, 7) == [1.0] * 7


@pytest.mark.parametrize(
    ("higher_is_better", "scores"), [(True, [0.5, 0.4, 0.4]), (False, [0.5, 0.6, 0.6])]
)
def test_plateau_waits_for_its_patience(
    optimizer: optim.Optimizer, higher_is_better: bool, scores: list[float]
) -> None:
    schedule = Plateau(factor=0.5, patience=1).build(
        optimizer, total_steps=5, higher_is_better=higher_is_better
    )
    found = []
    for score in scores:
        schedule.step(score)  # type: ignore[arg-type]
        found.append(optimizer.param_groups[0]["lr"])
    assert found == [1.0, 1.0, 0.5]
