"""Every random generator that training may draw from, as plain containers."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def random_state(device: torch.device) -> dict[str, Any]:
    """The state of Python's, NumPy's and torch's global generators, and the GPU's."""
    version, words, gauss = random.getstate()
    numpy: dict[str, Any] = np.random.get_state(legacy=False)
    twister = numpy["state"]
    return {
        "python": [version, list(words), gauss],
        "numpy": numpy | {"state": {"key": twister["key"].tolist(), "pos": int(twister["pos"])}},
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def set_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Go on where `random_state` was taken, on the same kind of device."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    twister = state["numpy"]["state"]
    key = np.array(twister["key"], dtype=np.uint32)
    np.random.set_state(state["numpy"] | {"state": {"key": key, "pos": twister["pos"]}})
    torch.set_rng_state(state["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
