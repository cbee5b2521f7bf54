from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.report.statistics.calibration import (
    ReliabilityBin,
    expected_calibration_error,
    reliability,
)
from seqbench.scores import calibration_error

predictions = st.lists(
    st.tuples(st.floats(0, 1) | st.integers(0, 15).map(lambda i: i / 15), st.booleans()),
    min_size=1,
)


def test_by_hand() -> None:
    confidences = np.array([0.5, 0.3, 0.7, 1.0, 0.55])
    correct = np.array([True, False, True, False, False])
    found = reliability(confidences, correct, bins=2)
    assert found == [
        ReliabilityBin(low=0.0, high=0.5, n=1, confidence=0.3, accuracy=0.0),
        ReliabilityBin(low=0.5, high=1.0, n=3, confidence=pytest.approx(1.75 / 3), accuracy=2 / 3),
        ReliabilityBin(low=1.0, high=1.0, n=1, confidence=1.0, accuracy=0.0),
    ]
    # (1·.3 + 3·(2/3 - 1.75/3) + 1·1) / 5
    assert expected_calibration_error(found) == pytest.approx((0.3 + 0.25 + 1) / 5)


@given(predictions)
def test_is_the_error_of_a_record(given_predictions: list[tuple[float, bool]]) -> None:
    confidences = np.array([confidence for confidence, _ in given_predictions])
    correct = np.array([right for _, right in given_predictions])
    found = reliability(confidences, correct)
    expected = calibration_error(confidences, correct)
    assert expected_calibration_error(found) == pytest.approx(expected, abs=1e-12)
    assert sum(each.n for each in found) == len(confidences)
    for each in found:
        assert each.n and each.low - 1e-12 <= each.confidence <= each.high + 1e-12
    assert reliability(confidences[::-1], correct[::-1]) == found


def test_nothing_to_calibrate() -> None:
    assert reliability(np.array([]), np.array([], dtype=bool)) == []
    with pytest.raises(ValueError, match="expected at least one bin, got none"):
        expected_calibration_error([])
