"""A network's weights told apart to the bit: by one hash, or tensor by tensor."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from seqbench.training.checkpoint_file import read_checkpoint


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over name, type, shape and bytes of every tensor, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(_bits(tensor).numpy().tobytes())
    return digest.hexdigest()


def differing_weights(first: Path, second: Path) -> str:
    """How the weights of two checkpoints differ, in a line; empty where their bits are the same.

    Raises:
        RecordError: one of the checkpoints cannot be read.
    """
    one, other = (read_checkpoint(path)["state_dict"] for path in (first, second))
    if _shapes(one) != _shapes(other):
        return "other tensors, or other shapes"
    unlike = [name for name in one if not torch.equal(_bits(one[name]), _bits(other[name]))]
    if not unlike:
        return ""
    apart = {name: _distance(one[name], other[name]) for name in unlike}
    worst = max(unlike, key=lambda name: apart[name])
    return f"{len(unlike)} of {len(one)} tensors differ, the most by {apart[worst]:.3g} in {worst}"


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """Type and shape of every tensor, by name."""
    return {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in state.items()}


def _bits(tensor: Tensor) -> Tensor:
    """The tensor's bytes: unlike its numbers, they tell 0 from -0 and equal NaN themselves."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)


def _distance(one: Tensor, other: Tensor) -> float:
    """The largest difference; infinite where there is none to be told, as with NaN."""
    found = float((one.double() - other.double()).abs().max())
    return float("inf") if math.isnan(found) else found
