"""Sweeps that are killed at random moments lose nothing: the records are those of a calm one."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.sweeps import KINDS, Sweep, results

from seqbench.sweeps.server import MAX_DEATHS


@pytest.fixture
def arguments(tiny: list[str], seeds: int) -> list[str]:
    """A sweep of so many seeds, each on one process and on two."""
    others = [item for item in tiny if not item.startswith(("logger=", "trainer.max_epochs"))]
    return [
        *others, f"seed=range({seeds})", "trainer.devices=1,2", "trainer.max_epochs=4",
        "logger=offline", "report=false", "hydra.launcher.slots=2",
    ]  # fmt: skip


@pytest.fixture
def calm(arguments: list[str], tmp_path: Path) -> Path:
    """The study of an undisturbed sweep."""
    sweep = Sweep([*arguments, "study=calm"], tmp_path)
    sweep.wait()
    assert sweep.process.returncode == 0, (tmp_path / "sweep.txt").read_text()
    assert sweep.left() == []
    return tmp_path / "outputs" / "calm"


def storm(arguments: list[str], folder: Path, kills: int, rng: random.Random) -> Counter[str]:
    """Begins the sweep again and again, killing one process of it at a time, until it completes.

    Returns:
        What was killed, at most so many.
    """
    killed: Counter[str] = Counter()
    while True:
        sweep, before = Sweep([*arguments, "study=storm"], folder), killed["worker"]
        while killed.total() < kills and _kill_one(sweep, rng, killed):
            pass
        sweep.wait()
        assert sweep.left() == []
        if sweep.process.returncode == 0:
            return killed
        ends = {1, -signal.SIGKILL}
        # So often in one sweep may be in a row, no run having ended in between: the pool gives up.
        if killed["worker"] - before >= MAX_DEATHS:
            ends.add(2)
        assert sweep.process.returncode in ends, (folder / "sweep.txt").read_text()


def _kill_one(sweep: Sweep, rng: random.Random, killed: Counter[str]) -> bool:
    """Kills one process at a random moment; False once the sweep is over."""
    kind = rng.choice(KINDS)
    moment = time.monotonic() + rng.uniform(0, 4)
    if not sweep.wait(lambda: time.monotonic() > moment and bool(sweep.family()[kind])):
        return False
    victims = sweep.family()[kind]
    if victims:
        victim = rng.choice(victims)
        try:
            os.kill(victim.pid, signal.SIGKILL)
        except ProcessLookupError:
            return True
        killed[kind] += 1
    return kind != "sweep"


@pytest.fixture
def rng() -> Iterator[random.Random]:
    """Random moments; the seed is printed where a test fails."""
    seed = int(os.environ.get("SEQBENCH_TEST_SEED", "0")) or random.SystemRandom().randrange(10**6)
    print(f"SEQBENCH_TEST_SEED={seed}")
    yield random.Random(seed)


@pytest.mark.parametrize(
    ("seeds", "kills"),
    [pytest.param(2, 2, id="few"), pytest.param(4, 20, id="many", marks=pytest.mark.full)],
)
def test_a_sweep_that_is_killed_ends_as_one_that_is_not(
    seeds: int, kills: int, arguments: list[str], calm: Path, tmp_path: Path, rng: random.Random
) -> None:
    expected = results(calm)
    assert len(expected) == 2 * seeds
    killed: Counter[str] = Counter()
    while killed.total() < kills:
        killed += storm(arguments, tmp_path, kills - killed.total(), rng)
        study = tmp_path / "outputs" / "storm"
        assert results(study) == expected
        study.rename(tmp_path / f"after-{killed.total()}-kills")
    print("killed:", dict(killed))
