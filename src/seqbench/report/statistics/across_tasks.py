"""Scores over several tasks, all brought to one scale (Agarwal et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from seqbench.report.statistics.summary import CONFIDENCE


def normalized(score: float, floor: float, ceiling: float) -> float:
    """The score on a scale where the floor is 0 and the ceiling 1; not clipped.

    Where lower is better the ceiling is the smaller number, and 1 is still the better end.

    Raises:
        ValueError: floor and ceiling are equal.
    """
    if floor == ceiling:
        raise ValueError(f"expected a ceiling that differs from the floor, got {floor} for both")
    return (score - floor) / (ceiling - floor)


def interquartile_mean(scores: Sequence[float]) -> float:
    """Mean of the middle half: ⌊n/4⌋ scores are dropped at each end (section 4).

    Raises:
        ValueError: there are no scores.
    """
    _expect_some(scores)
    return float(_middle_means(np.asarray(scores, dtype=np.float64)[None])[0])


def stratified_interval(
    scores_by_task: Sequence[Sequence[float]], rng: Generator, resamples: int = 2000
) -> tuple[float, float, float]:
    """Interquartile mean of all runs with its 95 % bootstrap interval.

    Runs are drawn anew within each task (section 4): the tasks are given, the seeds are chance.
    With one run a task nothing varies, and the interval is a point.

    Args:
        scores_by_task: normalised scores of the runs of each task; the order of neither matters.
        rng: draws the resamples.
        resamples: how many.

    Returns:
        Interquartile mean, lower and upper end.

    Raises:
        ValueError: there are no scores.
    """
    tasks = sorted(sorted(scores) for scores in scores_by_task if len(scores))
    pooled = [score for scores in tasks for score in scores]
    _expect_some(pooled)
    drawn = np.concatenate(
        [np.asarray(s)[rng.integers(0, len(s), (resamples, len(s)))] for s in tasks], axis=1
    )
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.quantile(_middle_means(drawn), ends)
    return interquartile_mean(pooled), float(low), float(high)


def performance_profile(scores: Sequence[float], thresholds: Sequence[float]) -> list[float]:
    """Share of runs that score above each threshold (section 4).

    Raises:
        ValueError: there are no scores.
    """
    _expect_some(scores)
    return [sum(score > threshold for score in scores) / len(scores) for threshold in thresholds]


def _middle_means(scores_RN: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interquartile mean of each row."""
    n = scores_RN.shape[1]
    return np.asarray(np.sort(scores_RN, axis=1)[:, n // 4 : n - n // 4].mean(axis=1))


def _expect_some(scores: Sequence[float]) -> None:
    if not len(scores):
        raise ValueError("expected at least one score, got none")
