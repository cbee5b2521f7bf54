"""Trying something with a trained module that must leave no trace, nor end the run."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn

from seqbench.errors import first_line
from seqbench.training.random_state import random_state, set_random_state

log = logging.getLogger(__name__)
T = TypeVar("T")


def tried(
    measure: Callable[[], T | None], *, otherwise: str, level: int = logging.INFO
) -> T | None:
    """What is measured; None where it fails in any way, with the reason in the log.

    Args:
        measure: computes it.
        otherwise: what to log before the reason.
        level: of the log.
    """
    try:
        return measure()
    except Exception as error:  # of another's module, or of memory: the run has its scores
        log.log(level, "%s: %s", otherwise, first_line(error))
        return None


@contextmanager
def untouched(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Random generators, modes and buffers are afterwards as before; gradients are the caller's.

    Inside, the module is on the device, new tensors are of the weights' precision, and what was
    compiled runs as it was written: nothing is compiled anew for a shape that occurs once.

    Not undone is what a forward pass does to weights (`nn.Embedding(max_norm=…)` renormalises the
    rows that it reads), to attributes that are no buffers, and outside the module.
    """
    weight, precision = next(module.parameters()), torch.get_default_dtype()
    random, home = random_state(device), weight.device
    modes = {part: part.training for part in module.modules()}
    buffers = [
        (part, name, buffer, None if buffer is None else buffer.clone())
        for part in module.modules()
        for name, buffer in part._buffers.items()
    ]
    own = {part: set(part._buffers) for part in module.modules()}
    compiling = "torch._dynamo" in sys.modules
    try:
        with torch.compiler.set_stance("force_eager") if compiling else nullcontext():
            module.to(device)
            torch.set_default_dtype(weight.dtype)
            yield
    finally:
        set_random_state(random, device)  # first: whatever becomes of the rest
        torch.set_default_dtype(precision)
        for part, names in own.items():
            for name in part._buffers.keys() - names:
                del part._buffers[name]
        for part, name, buffer, _ in buffers:
            part._buffers[name] = buffer
        module.to(home)
        for part, mode in modes.items():
            part.training = mode
        for part, name, buffer, before in buffers:
            _put_back(part, name, buffer, before)


def _put_back(part: nn.Module, name: str, buffer: Tensor | None, before: Tensor | None) -> None:
    """The same object with its values of before, or these where it has another shape now."""
    if buffer is None or before is None:
        return
    with torch.no_grad():
        if buffer.shape != before.shape or buffer.dtype != before.dtype:
            part._buffers[name] = before
        else:
            buffer.copy_(before)
            part._buffers[name] = buffer
