from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from seqbench.report.statistics.axes import Axis, Range, axis_of
from seqbench.report.statistics.importance import fanova, grow
from seqbench.report.statistics.tree_variance import tree_variance


def brute_force(tree, axes: list[Axis], points: list[list[object]]) -> tuple[float, list[float]]:
    """Variance of a tree's predictions on a full grid, in all and of the means along each axis."""
    grid = list(product(*points))
    columns = [axis.columns([row[i] for row in grid]) for i, axis in enumerate(axes)]
    predicted = tree.predict(np.concatenate(columns, axis=1)).reshape([len(p) for p in points])
    others = [tuple(j for j in range(len(axes)) if j != i) for i in range(len(axes))]
    return predicted.var(), [predicted.mean(axis=rest).var() for rest in others]


def test_trees_on_choices_and_grids_are_exact() -> None:
    rng = np.random.default_rng(0)
    n = 150
    columns = {
        "width": list(rng.choice([64, 128, 256, 512], n)),
        "layers": list(rng.choice([1, 2, 3], n)),
        "model": list(rng.choice(["gru", "lstm", "cnn", "rnn", "mlp"], n)),
        "pool": [[None, "max", True][i] for i in rng.integers(0, 3, n)],
    }
    scores = np.array(columns["width"]) / 512 + rng.normal(0, 0.2, n)
    scores += np.isin(columns["model"], ["gru", "lstm"]) * [p is None for p in columns["pool"]]
    axes = [axis_of(column) for column in columns.values()]
    inputs = [axis.columns(c) for axis, c in zip(axes, columns.values(), strict=True)]
    forest = grow(np.concatenate(inputs, axis=1), scores, 0)
    points = [list(dict.fromkeys(column)) for column in columns.values()]
    for tree in forest.estimators_[:16]:
        found = tree_variance(tree.tree_, axes)
        total, main = brute_force(tree, axes, points)
        assert found.total == pytest.approx(total, rel=1e-9)
        assert found.main == pytest.approx(main, rel=1e-9, abs=1e-12)


def test_trees_on_ranges_are_what_a_fine_grid_says() -> None:
    rng = np.random.default_rng(1)
    x, y, choice = rng.uniform(-4, -1, 60), rng.uniform(0, 0.5, 60), rng.choice(["a", "b"], 60)
    scores = np.sin(2 * x) + 4 * y * (choice == "a")
    axes = [axis_of(x), axis_of(y), axis_of(choice)]
    assert isinstance(axes[0], Range)
    inputs = [axis.columns(c) for axis, c in zip(axes, (x, y, choice), strict=True)]
    forest = grow(np.concatenate(inputs, axis=1), scores, 0)
    steps = (np.arange(150) + 0.5) / 150
    points = [
        [low + (high - low) * step for step in steps]
        for low, high in ((x.min(), x.max()), (y.min(), y.max()))
    ]
    for tree in forest.estimators_[:2]:
        found = tree_variance(tree.tree_, axes)
        total, main = brute_force(tree, axes, [*points, ["a", "b"]])
        assert found.total == pytest.approx(total, rel=0.02)
        assert found.main == pytest.approx(main, rel=0.03, abs=0.001)


def test_an_additive_function() -> None:
    x = np.random.default_rng(0).random((500, 3))
    # Variances of 3·x1 and x2 are as 9 to 1; the third does nothing.
    found = fanova({"x1": x[:, 0], "x2": x[:, 1], "x3": x[:, 2]}, 3 * x[:, 0] + x[:, 1])
    assert found is not None and found.n == 500
    assert list(found.shares.values()) == pytest.approx([0.9, 0.1, 0], abs=0.02)
    assert found.interactions < 0.03 and found.explained > 0.98


def test_choices_and_grids_share_as_they_should() -> None:
    rng = np.random.default_rng(2)
    model, width = rng.choice(["a", "b", "c"], 300), rng.choice([64, 128, 1024], 300)
    # One of three adds 1: variance 2/9. Three steps of 1/2: variance 1/6. So 4/7 and 3/7.
    scores = (model == "b") + np.searchsorted([64, 128, 1024], width) / 2
    found = fanova({"width": list(width), "model": list(model)}, list(scores))
    assert found is not None and list(found.shares) == ["width", "model"]
    assert list(found.shares.values()) == pytest.approx([3 / 7, 4 / 7], abs=0.02)
    assert found.interactions < 0.01


def test_a_pure_interaction() -> None:
    x = np.random.default_rng(0).random((1000, 2))
    found = fanova({"x": x[:, 0], "y": x[:, 1]}, (x[:, 0] - 0.5) * (x[:, 1] - 0.5))
    assert found is not None
    assert max(found.shares.values()) < 0.05 and found.interactions > 0.9
    sides = np.random.default_rng(0).integers(0, 2, (200, 2)).astype(bool)
    found = fanova({"x": list(sides[:, 0]), "y": list(sides[:, 1])}, sides[:, 0] ^ sides[:, 1])
    assert found is not None
    assert max(found.shares.values()) < 0.01 and found.interactions > 0.98


def test_noise_is_not_explained() -> None:
    rng = np.random.default_rng(0)
    found = fanova({"x": rng.random(60), "y": rng.random(60)}, rng.normal(size=60))
    assert found is not None and found.explained < 0.1


def test_order_of_trials_and_hyperparameters_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    settings = {"a": list(rng.random(40)), "b": list(rng.choice(["p", "q"], 40))}
    scores = [a + (b == "q") for a, b in zip(*settings.values(), strict=True)]
    found = fanova(settings, scores)
    turned = fanova({name: settings[name][::-1] for name in ("b", "a")}, scores[::-1])
    assert found == turned == fanova(settings, scores)
    assert turned is not None and list(turned.shares) == ["b", "a"]
    moved = fanova(settings, [100 - 7 * score for score in scores])
    assert found is not None and moved is not None
    assert list(moved.shares.values()) == pytest.approx(list(found.shares.values()), abs=0.02)
    assert sum(found.shares.values()) + found.interactions == pytest.approx(1)


def test_what_does_not_vary_has_no_share() -> None:
    rng = np.random.default_rng(5)
    x = list(rng.random(20))
    found = fanova({"x": x, "same": [3] * 20, "only": ["a"] * 20}, [*x[:-1], float("nan")])
    assert found is not None and found.n == 19
    assert found.shares == pytest.approx({"x": 1, "same": 0, "only": 0}, abs=1e-9)


def test_too_little_to_tell() -> None:
    eight = [float(i) for i in range(8)]
    assert fanova({"x": eight}, eight) is not None
    assert fanova({"x": eight[:7]}, eight[:7]) is None
    assert fanova({"x": eight}, [0.1] * 8) is None
    assert fanova({"x": [1] * 8, "y": ["a"] * 8}, eight) is None
    assert fanova({}, eight) is None
