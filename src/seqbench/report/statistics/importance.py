"""Which hyperparameters matter: functional ANOVA of a random forest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from seqbench.report.statistics.axes import axis_of
from seqbench.report.statistics.tree_variance import tree_variance

FEWEST = 8  # trials below which a forest says nothing
TREES = 64
MAX_DEPTH = 16
# One trial a leaf makes interactions out of noise; five lose the weaker of two effects.
SMALLEST_LEAF = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How the variance of the score divides among hyperparameters.

    Attributes:
        shares: of each hyperparameter alone, from 0 to 1, in the order given.
        interactions: what is due to two or more at once, 1 - the sum of the shares. The forest's
            fit of noise is in here too: read it beside `explained`.
        explained: R² of the forest on trials that its trees have not seen (out of bag); at most 1,
            and 0 or below where the forest knows nothing and the shares mean nothing.
        n: trials.
    """

    shares: dict[str, float]
    interactions: float
    explained: float
    n: int


def fanova(
    settings: Mapping[str, Sequence[object]], scores: Sequence[float], seed: int = 0
) -> Importance | None:
    """Functional ANOVA (Hutter, Hoos & Leyton-Brown 2014) of scikit-learn's random forest.

    Marginals are exact sums over the trees' leaves; shares are taken in each tree and averaged.
    Every hyperparameter weighs uniformly over the range or the values seen, independently of the
    others. Departures from the paper: choices are one-hot columns, put together again when leaves
    are measured (theirs splits on subsets), and higher orders are left in one remainder.

    Args:
        settings: by hyperparameter, its value in each trial; logarithms are the caller's.
        scores: score of each trial; trials whose score is not finite are left out.
        seed: of the forest.

    Returns:
        None with fewer than 8 trials, and where the scores or the settings do not vary.
    """
    kept = [i for i, score in enumerate(scores) if np.isfinite(score)]
    values = np.array([scores[i] for i in kept], dtype=np.float64)
    if not settings or len(values) < FEWEST or np.ptp(values) == 0:
        return None
    # Trials and hyperparameters in an order of their own: a forest draws rows by their place.
    tried = {name: [settings[name][i] for i in kept] for name in sorted(settings)}
    axes = {name: axis_of(column) for name, column in tried.items()}
    inputs = np.concatenate([axes[name].columns(column) for name, column in tried.items()], axis=1)
    order = np.lexsort((values, *inputs.T))
    forest = grow(inputs[order], values[order], seed)
    variances = [tree_variance(each.tree_, list(axes.values())) for each in forest.estimators_]
    told = [variance.main / variance.total for variance in variances if variance.total > 0]
    if not told:
        return None
    mean = dict(zip(axes, np.mean(told, axis=0).tolist(), strict=True))
    return Importance(
        shares={name: mean[name] for name in settings},
        interactions=max(0.0, 1 - sum(mean.values())),
        explained=float(forest.oob_score_),
        n=len(values),
    )


def grow(inputs: Floats, values: Floats, seed: int) -> Any:
    """Fits the forest; scores are standardised first, which changes no share.

    Args:
        inputs: one row a trial.
        values: score of each.
        seed: of the bootstrap and of ties between splits.
    """
    forest = RandomForestRegressor(
        n_estimators=TREES,
        max_depth=MAX_DEPTH,
        min_samples_leaf=SMALLEST_LEAF,
        oob_score=True,
        random_state=seed,
    )
    return forest.fit(inputs, (values - values.mean()) / values.std())
