"""What is tried with a module leaves no trace, whatever it did to the module's buffers."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from seqbench.training.untouched import tried, untouched

CPU = torch.device("cpu")


class Buffered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.register_buffer("counts", torch.arange(3))
        self.register_buffer("grows", torch.zeros(2))
        self.register_buffer("later", None)


def test_buffers_are_the_same_objects_with_their_values() -> None:
    module = Buffered()
    before = dict(module._buffers)
    with untouched(module, CPU):
        module.counts += 5
        module.grows = torch.ones(7)
        module.later = torch.ones(1)
        module.register_buffer("new", torch.ones(1))
    assert module._buffers.keys() == before.keys()
    assert all(module._buffers[name] is buffer for name, buffer in before.items())
    assert (module.counts.tolist(), module.grows.tolist()) == ([0, 1, 2], [0.0, 0.0])
    with untouched(module, CPU):
        module.grows.resize_(9)
    assert module.grows.tolist() == [0.0, 0.0]


def test_random_generators_go_on_whatever_happens_afterwards() -> None:
    module = Buffered()
    module.to = None  # type: ignore[assignment, method-assign]
    random = torch.get_rng_state()
    with pytest.raises(TypeError), untouched(module, CPU):
        pass
    module = Buffered()
    with pytest.raises(TypeError), untouched(module, CPU):
        torch.rand(3)
        module.to = None  # type: ignore[assignment, method-assign]
    assert torch.equal(torch.get_rng_state(), random)


def test_a_failure_is_none_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> int:
        raise ValueError("first\nsecond")

    with caplog.at_level(logging.INFO):
        assert tried(fail, otherwise="not known") is None
    assert "not known: first\n" in caplog.text
    assert tried(lambda: 3, otherwise="not known") == 3
