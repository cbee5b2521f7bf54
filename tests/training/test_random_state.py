"""Every generator goes on where it was."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from seqbench.training.random_state import random_state, set_random_state

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _state() -> Iterator[None]:
    before = random_state(CPU)
    yield
    set_random_state(before, CPU)


def draws() -> list[float]:
    normal = [random.gauss(0, 1), float(np.random.normal()), float(torch.randn(()))]
    return [*normal, random.random(), float(np.random.rand()), float(torch.rand(()))]


def test_every_generator_goes_on_where_it_was() -> None:
    draws()  # a normal variate is drawn in pairs: the second one is kept by the generator
    state = random_state(CPU)
    expected = draws()
    assert draws() != expected
    set_random_state(state, CPU)
    assert draws() == expected


def test_it_is_of_plain_containers() -> None:
    file = io.BytesIO()
    torch.save(random_state(CPU), file)
    expected = draws()
    file.seek(0)
    set_random_state(torch.load(file, weights_only=True), CPU)
    assert draws() == expected
