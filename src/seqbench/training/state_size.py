"""The memory that a causal encoder needs for each sequence that it goes on reading."""

from __future__ import annotations

import logging

import torch

from seqbench.tasks.task import Task
from seqbench.training.untouched import untouched

log = logging.getLogger(__name__)

WINDOW = 1024
"""Positions read at once: attention over all of a long sequence would need its square."""


def state_bytes(task: Task) -> int | None:
    """Bytes of one sequence's state after `max_len` positions; None for an encoder without one.

    Args:
        task: its encoder is asked; that no text is as long does not matter.
    """
    encoder, length = task.encoder, task.spec.max_len
    if not encoder.causal:
        return None
    weight = next(task.parameters())
    try:
        with untouched(task, weight.device), torch.no_grad():
            task.eval()
            state = encoder.initial_state(1, weight.device)
            for start in range(0, length, WINDOW):
                x_1TD = weight.new_zeros(1, min(WINDOW, length - start), encoder.d_input)
                mask_1T = torch.ones(x_1TD.shape[:2], dtype=torch.bool, device=weight.device)
                after = encoder(x_1TD, mask_1T, state).state
                assert after is not None
                state = after
    except Exception as error:  # of an encoder that keeps the contract only in part
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        log.info("the size of the encoder's state is not known: %s", reason)
        return None
    return sum(part.nbytes for part in state)
