from __future__ import annotations

import numpy as np
import pytest

from seqbench.report.statistics.axes import Choice, Grid, Range, axis_of


def test_what_a_hyperparameter_is() -> None:
    assert axis_of([0.1, 0.4, 0.2]) == Range(low=0.1, high=0.4)
    assert axis_of([64, 256, 64, 64, 256, 64]) == Grid(values=(64.0, 256.0))
    assert axis_of(np.array([1.0, 2.0, 1.0, 2.0])) == Grid(values=(1.0, 2.0))
    assert axis_of(["b", "a", "b"]) == Choice(labels=("str 'a'", "str 'b'"))
    assert axis_of(np.array(["b", "a", "b"])) == axis_of(["b", "a", "b"])
    assert axis_of([True, False]) == Choice(labels=("bool False", "bool True"))
    assert axis_of([0.5, None, 0.5]) == Choice(labels=("NoneType None", "float 0.5"))
    assert isinstance(axis_of([0.5, float("inf"), 1.0]), Choice)


def test_codes() -> None:
    assert Range(low=1.0, high=5.0).columns([1, 2, 5]).tolist() == [[0], [0.25], [1]]
    assert Grid(values=(64.0, 128.0, 512.0)).columns([512, 64]).tolist() == [[2], [0]]
    assert axis_of(["b", "a", "c"]).columns(["a", "c"]).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_a_range_is_cut_where_leaves_are() -> None:
    low, high = np.array([[-np.inf], [0.25], [0.25]]), np.array([[0.25], [0.75], [np.inf]])
    inside, weights = Range(low=3.0, high=9.0).inside(low, high)
    assert weights.tolist() == [0.25, 0.5, 0.25]
    assert inside.tolist() == [[True, False, False], [False, True, False], [False, True, True]]


def test_a_grid_s_values_weigh_the_same() -> None:
    inside, weights = Grid(values=(1.0, 2.0, 100.0)).inside(
        np.array([[-np.inf], [1.5]]), np.array([[1.5], [np.inf]])
    )
    assert weights == pytest.approx([1 / 3] * 3)
    assert inside.tolist() == [[True, True, False], [False, False, True]]


def test_a_choice_is_one_of_its_values() -> None:
    never, always = -np.inf, np.inf
    low = np.array([[never] * 3, [never] * 3, [never, 0.5, never]])
    high = np.array([[always] * 3, [0.5, always, always], [always] * 3])
    inside, weights = Choice(labels=("a", "b", "c")).inside(low, high)
    assert weights == pytest.approx([1 / 3] * 3)
    assert inside.tolist() == [[True, True, True], [False, True, True], [False, True, False]]
