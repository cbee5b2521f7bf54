from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seqbench.report.statistics.across_tasks import (
    interquartile_mean,
    normalized,
    performance_profile,
    stratified_interval,
)

some = st.lists(st.floats(-10, 10), min_size=1, max_size=20)


def test_by_hand() -> None:
    assert interquartile_mean([100.0, 1.0, 2.0, 4.0, -50.0, 3.0]) == 2.5  # one at each end
    assert interquartile_mean([1.0, 2.0, 9.0]) == 4  # too few to drop any
    assert normalized(0.75, 0.5, 1.0) == 0.5
    assert normalized(20.0, 100.0, 20.0) == 1  # perplexity: the ceiling is below the floor
    assert normalized(0.25, 0.5, 1.0) == -0.5
    assert performance_profile([0.1, 0.5, 0.5, 0.9], [0.0, 0.5, 0.6, 0.9]) == [1, 0.25, 0.25, 0]


@given(some, st.randoms())
def test_the_middle_is_scipy_s_trimmed_mean(scores: list[float], random) -> None:
    found = interquartile_mean(scores)
    assert found == pytest.approx(stats.trim_mean(scores, 0.25), abs=1e-12)
    assert interquartile_mean(random.sample(scores, len(scores))) == found
    doubled = interquartile_mean([2 * score + 1 for score in scores])
    assert doubled == pytest.approx(2 * found + 1, abs=1e-9)


@given(some, st.lists(st.floats(-10, 10), max_size=8).map(sorted))
def test_profiles_only_fall(scores: list[float], thresholds: list[float]) -> None:
    profile = performance_profile(scores, thresholds)
    assert profile == sorted(profile, reverse=True)
    assert profile == pytest.approx([np.mean(np.array(scores) > t) for t in thresholds])


def test_runs_are_drawn_within_their_task() -> None:
    # Between tasks scores differ by 10, within not at all: nothing to draw, so no width.
    tasks = [[0.0] * 4, [10.0] * 4]
    assert stratified_interval(tasks, np.random.default_rng(0)) == (5.0, 5.0, 5.0)
    assert stratified_interval([[0.2], [0.4]], np.random.default_rng(0))[1:] == pytest.approx(
        (0.3, 0.3)
    )


def test_interval_is_that_of_an_independent_bootstrap() -> None:
    rng = np.random.default_rng(0)
    tasks = [list(rng.normal(mean, 0.1, 6)) for mean in (0.2, 0.5, 0.9)]
    found = stratified_interval(tasks, rng, resamples=4000)
    runs = np.concatenate([rng.choice(task, (4000, len(task))) for task in tasks], axis=1)
    drawn = stats.trim_mean(runs, 0.25, axis=1)
    pooled = [score for task in tasks for score in task]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found == pytest.approx((interquartile_mean(pooled), low, high), abs=0.006)


def test_order_of_runs_and_tasks_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    tasks = [list(rng.random(n)) for n in (3, 5, 4)]
    found = stratified_interval(tasks, np.random.default_rng(0))
    turned = [task[::-1] for task in tasks[::-1]]
    assert stratified_interval([*turned, []], np.random.default_rng(0)) == found


def test_nothing_to_average() -> None:
    for call in (
        lambda: interquartile_mean([]),
        lambda: stratified_interval([[]], np.random.default_rng(0)),
        lambda: performance_profile([], [0.5]),
    ):
        with pytest.raises(ValueError, match="expected at least one score, got none"):
            call()
    with pytest.raises(ValueError, match=r"a ceiling that differs from the floor, got 0\.5"):
        normalized(0.7, 0.5, 0.5)
