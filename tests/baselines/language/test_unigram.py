from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from seqbench.baselines.language.unigram import Unigram
from seqbench.errors import DataError


def test_frequencies_by_hand(tmp_path: Path) -> None:
    model = Unigram(add=1.0)
    model.fit(np.array([4, 5, 4, 4], dtype=np.int32), vocab_size=6)
    expected = np.array([1, 1, 1, 1, 4, 2]) / 10
    assert model.distribution([5]) == pytest.approx(expected)
    assert model.losses(np.array([5, 4, 3])) == pytest.approx([-math.log(0.4), -math.log(0.1)])
    model.save(tmp_path)
    assert np.array_equal(Unigram.load(tmp_path).distribution([]), model.distribution([]))


def test_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="a training text"):
        Unigram().fit(np.zeros(0, dtype=np.int32), vocab_size=5)
