"""Trying something with a trained module that must leave no trace."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import nn

from seqbench.training.random_state import random_state, set_random_state


@contextmanager
def untouched(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Random generators, modes and buffers are afterwards as before; gradients are the caller's.

    Inside, the module is on the device, new tensors are of the weights' precision, and what was
    compiled runs as it was written: nothing is compiled anew for a shape that occurs once.
    """
    weight, precision = next(module.parameters()), torch.get_default_dtype()
    random, home = random_state(device), weight.device
    modes = {part: part.training for part in module.modules()}
    buffers = [
        (part, name, buffer.clone())
        for part in module.modules()
        for name, buffer in part.named_buffers(recurse=False)
    ]
    compiling = "torch._dynamo" in sys.modules
    try:
        with torch.compiler.set_stance("force_eager") if compiling else nullcontext():
            module.to(device)
            torch.set_default_dtype(weight.dtype)
            yield
    finally:
        torch.set_default_dtype(precision)
        module.to(home)
        for part, mode in modes.items():
            part.training = mode
        with torch.no_grad():
            for part, name, before in buffers:
                getattr(part, name).copy_(before)
        set_random_state(random, device)
