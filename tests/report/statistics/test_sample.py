from __future__ import annotations

from seqbench.report.statistics.sample import sorted_finite


def test_finite_values_in_order() -> None:
    values = [3.0, float("nan"), -1.0, float("inf"), 3.0]
    assert sorted_finite(values).tolist() == [-1.0, 3.0, 3.0]
    assert sorted_finite([]).tolist() == []
