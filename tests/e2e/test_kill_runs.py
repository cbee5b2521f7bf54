"""Runs killed with kill -9 at random moments, again and again: none is lost, none is another."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.finished import assert_same, finished, left_over
from tests.e2e.tries import ended, killed_after
from tests.tally import KILLS

from seqbench.config.compose import compose_job
from seqbench.config.job import Job
from seqbench.records.folder import RunFolder

KINDS = {
    "classifier": ["model=lstm", "data.batch_size=4", "trainer.max_epochs=3", "model.dropout=0.2"],
    "accumulated": [
        "model=cnn_lstm", "model.channels=4", "data.batch_size=4", "trainer.accumulate=3",
        "trainer.evals_per_epoch=2", "scheduler=plateau",
    ],
    "two processes": ["model=gru", "data.batch_size=4", "trainer.devices=2"],
    "language model": ["model=lstm", "model.num_layers=2", "model.dropout=0.2"],
    "baseline": ["model=baseline/tfidf_regression"],
}  # fmt: skip
HOWEVER_OFTEN = ["trainer.checkpoint_every=1e-9", "trainer.checkpoint_every=0.1"]


@pytest.fixture
def make(tiny: list[str], tiny_text: list[str], tmp_path: Path) -> Callable[[str, str, str], Job]:
    """Composes a job of one kind, with folder and cache of its own: caches are killed in, too."""

    def job(kind: str, often: str, name: str) -> Job:
        of_task = tiny_text if kind == "language model" else tiny
        drops = ("paths.cache",) + (("model.",) if kind == "baseline" else ())
        kept = [item for item in of_task if not item.startswith(drops)]
        place = tmp_path / name
        paths = [f"paths.outputs={place}", f"paths.cache={place / 'cache'}"]
        return compose_job([*kept, *KINDS[kind], often, *paths])

    return job


def storm(job: Job, seconds: float, kills: int, rng: random.Random) -> int:
    """Begins the run again and again, killing it at a random moment, so often or to its end.

    Args:
        job: the run.
        seconds: that an undisturbed try takes.
        kills: at most.
        rng: the moments.

    Returns:
        How often it was killed.
    """
    for number in range(kills):
        # Half of them early: data, caches, the first checkpoint. A try that goes on is shorter.
        if not killed_after(job, rng.uniform(0, rng.choice([0.3, 1.1]) * seconds)):
            return number
    ended(job)
    return kills


@pytest.mark.parametrize(
    "kills", [pytest.param(5, id="few"), pytest.param(60, id="many", marks=pytest.mark.full)]
)
def test_a_run_that_is_killed_ends_as_one_that_is_not(
    kills: int, make: Any, tally: Counter[str]
) -> None:
    seed = int(os.environ.get("SEQBENCH_TEST_SEED", "0")) or random.SystemRandom().randrange(10**6)
    print(f"SEQBENCH_TEST_SEED={seed}")  # shown where the test fails
    rng = random.Random(seed)
    kinds = list(KINDS) if kills > 5 else ["classifier"]
    undisturbed: dict[str, tuple[Any, float]] = {}
    study = 0
    while tally[KILLS] < kills:
        kind, often = kinds[study % len(kinds)], rng.choice(HOWEVER_OFTEN)
        if kind not in undisturbed:
            calm, began = make(kind, HOWEVER_OFTEN[0], f"calm {kind}"), time.monotonic()
            ended(calm)
            undisturbed[kind] = _finished(calm), time.monotonic() - began
        expected, seconds = undisturbed[kind]
        job = make(kind, often, f"{study}")
        tally[KILLS] += storm(job, seconds, min(6, kills - tally[KILLS]), rng)
        print(f"study {study}: {kind}, {often}")
        assert_same(_finished(job), expected, tally)
        assert left_over(RunFolder(job.folder)) == []
        study += 1


def _finished(job: Job) -> dict[str, Any] | None:
    found = finished(job.folder)
    if found is not None:
        del found["record"]["config"]["trainer"]["checkpoint_every"]
    return found
