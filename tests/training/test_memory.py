"""Peak memory of one run, not of those before it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from seqbench.training.memory import peak_memory_bytes, reset_peak_memory

CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can begin anew")
def test_a_peak_before_the_run_does_not_count() -> None:
    size = 200 * 2**20
    reset_peak_memory()
    before = peak_memory_bytes(CPU)
    block = np.ones(size, dtype=np.uint8)
    with_block = peak_memory_bytes(CPU)
    assert with_block >= before + 0.9 * size
    del block
    assert peak_memory_bytes(CPU) >= before + 0.9 * size
    reset_peak_memory()
    assert peak_memory_bytes(CPU) <= with_block - 0.9 * size


def test_where_nothing_can_be_reset_there_is_a_figure_still(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    from seqbench.training import memory

    nowhere = type(memory._STATUS)("/nowhere/at/all")
    monkeypatch.setattr(memory, "_STATUS", nowhere)
    monkeypatch.setattr(memory, "_RESET", nowhere)
    reset_peak_memory()
    assert peak_memory_bytes(CPU) > 2**20
