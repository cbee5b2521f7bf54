"""How much of a regression tree's variance is due to each of its inputs, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.report.statistics.axes import Axis

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Variance:
    """Variance of a tree's prediction over its input space.

    Attributes:
        total: with every input drawn by its weights.
        main: of the mean prediction given one input, one for each; their sum is at most `total`.
    """

    total: float
    main: Floats


def tree_variance(tree: Any, axes: Sequence[Axis]) -> Variance:
    """Functional ANOVA of a tree up to first order (Hutter, Hoos & Leyton-Brown 2014).

    The leaves cut the space into boxes on each of which the prediction is a constant. A box
    weighs the product of its shares of the axes, so every mean is a sum over leaves.

    Args:
        tree: the `tree_` of a fitted scikit-learn regressor with one output.
        axes: in the order of its columns.
    """
    values_L, low_LF, high_LF = _leaves(tree)
    inside, weights, start = [], [], 0
    for axis in axes:
        columns = slice(start, start + axis.num_columns)
        held_LK, weights_K = axis.inside(low_LF[:, columns], high_LF[:, columns])
        inside.append(held_LK)
        weights.append(weights_K)
        start += axis.num_columns
    shares_AL = np.array([(h * w).sum(axis=1) for h, w in zip(inside, weights, strict=True)])
    volumes_L = shares_AL.prod(axis=0)
    mean = float((volumes_L * values_L).sum())
    main = []
    for held_LK, weights_K, shares_L in zip(inside, weights, shares_AL, strict=True):
        # What a leaf weighs at a value of this axis: its volume without its share of the axis.
        across_L = np.divide(volumes_L, shares_L, out=np.zeros_like(volumes_L), where=shares_L > 0)
        marginal_K = ((across_L * values_L)[:, None] * held_LK).sum(axis=0)
        main.append(float((weights_K * (marginal_K - mean) ** 2).sum()))
    total = float((volumes_L * (values_L - mean) ** 2).sum())
    return Variance(total=total, main=np.array(main))


def _leaves(tree: Any) -> tuple[Floats, Floats, Floats]:
    """Prediction of each leaf, and its bounds in every column, shapes L, (L, F), (L, F)."""
    left, right = tree.children_left, tree.children_right
    low = np.full((tree.node_count, tree.n_features), -np.inf)
    high = np.full_like(low, np.inf)
    level = np.array([0])
    while len(level):
        inner = level[left[level] >= 0]
        below, above = left[inner], right[inner]
        low[below] = low[above] = low[inner]
        high[below] = high[above] = high[inner]
        high[below, tree.feature[inner]] = tree.threshold[inner]
        low[above, tree.feature[inner]] = tree.threshold[inner]
        level = np.concatenate([below, above])
    leaf = left < 0
    return tree.value[leaf, 0, 0], low[leaf], high[leaf]
