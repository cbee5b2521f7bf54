"""The memory that a causal encoder needs for each sequence that it goes on reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seqbench.tasks.task import Task
from seqbench.training.untouched import tried, untouched

WINDOW = 1024
"""Positions read at once: attention over all of a long sequence would need its square."""


def state_bytes(task: Task) -> int | None:
    """Bytes of one sequence's state after `max_len` positions; None for an encoder without one.

    Args:
        task: its encoder is asked; that no text is as long does not matter.
    """
    return tried(lambda: _measured(task), otherwise="the size of the encoder's state is not known")


def _measured(task: Task) -> int | None:
    encoder, length = task.encoder, task.spec.max_len
    if not encoder.causal:
        return None
    weight = next(task.parameters())
    with untouched(task, weight.device), torch.no_grad():
        task.eval()
        state = encoder.initial_state(1, weight.device)
        for start in range(0, length, WINDOW):
            x_1TD = weight.new_zeros(1, min(WINDOW, length - start), encoder.d_input)
            mask_1T = torch.ones(x_1TD.shape[:2], dtype=torch.bool, device=weight.device)
            after = encoder(x_1TD, mask_1T, state).state
            assert after is not None
            state = after
        return _bytes(state)


def _bytes(state: Any) -> int:
    """Of all tensors in it: the contract is flat, but others' encoders nest."""
    if state is None:
        return 0
    if isinstance(state, Tensor):
        return int(state.nbytes)
    return sum(map(_bytes, state.values() if isinstance(state, Mapping) else state))
