"""Precision of what is summed up: single at least, whatever the arithmetic before."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_single(dtype: torch.dtype) -> torch.dtype:
    """Single precision in place of a 16-bit one; single and double stay."""
    return torch.promote_types(dtype, torch.float32)


def arithmetic_of(tensor: Tensor) -> torch.dtype:
    """The precision in which matrices are multiplied with this one here, autocast included."""
    kind = tensor.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else tensor.dtype
