from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqbench.baselines.majority import Majority
from seqbench.errors import DataError, RecordError


def test_by_hand(tmp_path: Path) -> None:
    majority = Majority()
    assert majority.num_parameters == 0
    majority.fit(["a", "b", "c", "d"], np.array([2, 0, 2, 2]), 4)
    expected = [[0.25, 0.0, 0.75, 0.0]] * 2
    assert majority.probabilities(["x", ""]).tolist() == expected
    assert majority.num_parameters == 4
    majority.save(tmp_path)
    loaded = Majority.load(tmp_path)
    assert loaded.probabilities(["x", ""]).tolist() == expected
    assert loaded.num_parameters == 4


def test_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="majority: expected training examples, got none"):
        Majority().fit([], np.array([], dtype=np.int64), 2)
    with pytest.raises(RuntimeError, match="Majority: fit it before"):
        Majority().probabilities(["x"])
    with pytest.raises(RecordError, match=r"expected a saved baseline, got .*No such file"):
        Majority.load(tmp_path)


def test_no_changed_byte_goes_unseen(tmp_path: Path) -> None:
    majority = Majority()
    majority.fit(["a", "b"], np.array([1, 1]), 2)
    majority.save(tmp_path)
    for name in ("baseline.json", "baseline.npz"):
        written = (tmp_path / name).read_bytes()
        for place in range(0, len(written) - 1, 7):  # the last one is a line's end
            changed = bytearray(written)
            changed[place] ^= 1
            (tmp_path / name).write_bytes(changed)
            with pytest.raises(RecordError, match=r"expected a saved baseline, got .*force=true"):
                Majority.load(tmp_path)
        (tmp_path / name).write_bytes(written)
