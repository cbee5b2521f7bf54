"""Sweeps that are killed at random moments lose nothing: the records are those of a calm one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from seqbench.records.load import load_records
from seqbench.records.metrics import read_metrics

RUNS = 8
PATIENCE = 90.0  # seconds for what takes one or two
VICTIMS = ("sweep", "worker", "job", "rank")


class Sweep:
    """A sweep in a process of its own, with a look at all processes that it has begun."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        command = [sys.executable, "-m", "seqbench.cli", "sweep", *arguments]
        with (folder / "sweep.txt").open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=out, stderr=out, start_new_session=True
            )
        self.seen: dict[int, psutil.Process] = {}

    def family(self) -> dict[str, list[psutil.Process]]:
        """The processes there are now, by kind."""
        found: dict[str, list[psutil.Process]] = {kind: [] for kind in VICTIMS}
        try:
            sweep = psutil.Process(self.process.pid)
            found["sweep"] = [sweep]
            found["worker"] = [each for each in sweep.children() if _is(each, "sweeps.warm")]
            for worker in found["worker"]:
                found["job"] += [each for each in worker.children() if _is(each, "sweeps.warm")]
            for job in found["job"]:
                found["rank"] += [each for each in job.children() if _is(each, "sweeps.warm")]
            everyone = [sweep, *sweep.children(recursive=True)]
        except psutil.NoSuchProcess:
            return found
        self.seen.update((each.pid, each) for each in everyone)
        return found

    def wait(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Until something comes about, or the sweep has ended; whether the former."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self.family()
            if until():
                return True
            assert time.monotonic() < deadline, "the sweep hangs"
            time.sleep(0.02)
        return until()

    def left(self) -> list[psutil.Process]:
        """What still runs of all that has been seen, after some time to end."""
        _, alive = psutil.wait_procs(list(self.seen.values()), timeout=PATIENCE)
        return [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def _is(process: psutil.Process, program: str) -> bool:
    try:
        return any(program in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def arguments(tiny: list[str]) -> list[str]:
    """A sweep of eight runs, four of them on two processes."""
    others = [item for item in tiny if not item.startswith(("logger=", "trainer.max_epochs"))]
    return [
        *others, "seed=0,1,2,3", "trainer.devices=1,2", "trainer.max_epochs=4", "logger=offline",
        "report=false", "hydra.launcher.slots=2",
    ]  # fmt: skip


@pytest.fixture
def calm(arguments: list[str], tmp_path: Path) -> Path:
    """The study of an undisturbed sweep."""
    sweep = Sweep([*arguments, "study=calm"], tmp_path)
    sweep.wait()
    assert sweep.process.returncode == 0, (tmp_path / "sweep.txt").read_text()
    assert sweep.left() == []
    return tmp_path / "outputs" / "calm"


def results(study: Path) -> dict[str, Any]:
    """All that must not depend on what happened on the way, by run."""
    loaded = load_records(study)
    assert loaded.problems == ()
    found: dict[str, Any] = {}
    for run in loaded.runs:
        plain = json.loads(run.folder.record.read_text())
        for field in ("started", "finished", "command"):
            del plain["provenance"][field]
        for field in list(plain["cost"]):
            if field.endswith(("seconds", "_per_second", "bytes")):
                del plain["cost"][field]
        del plain["study"], plain["config"]["study"], plain["overrides"]
        history = [{**row, "seconds": 0} for row in read_metrics(run.folder.metrics)]
        checkpoint = torch.load(run.folder.checkpoints / "best.ckpt", weights_only=True)
        weights = {name: value.tolist() for name, value in checkpoint["state_dict"].items()}
        predictions = run.folder.predictions.read_bytes()
        found[run.record.run_id] = [plain, history, weights, predictions]
        mirrors = list(run.folder.path.glob("wandb/offline-run-*"))
        assert len(mirrors) == 1, mirrors
    return found


def storm(arguments: list[str], folder: Path, kills: int, rng: random.Random) -> Counter[str]:
    """Begins the sweep again and again, killing one process of it at a time, until it completes.

    Returns:
        What was killed, at most so many.
    """
    killed: Counter[str] = Counter()
    while True:
        sweep = Sweep([*arguments, "study=storm"], folder)
        while killed.total() < kills and _kill_one(sweep, rng, killed):
            pass
        sweep.wait()
        assert sweep.left() == []
        if sweep.process.returncode == 0:
            return killed
        assert sweep.process.returncode in (1, -signal.SIGKILL), (folder / "sweep.txt").read_text()


def _kill_one(sweep: Sweep, rng: random.Random, killed: Counter[str]) -> bool:
    """Kills one process at a random moment; False once the sweep is over."""
    kind = rng.choice(VICTIMS)
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
    "kills", [pytest.param(3, id="few"), pytest.param(20, id="many", marks=pytest.mark.full)]
)
def test_a_sweep_that_is_killed_ends_as_one_that_is_not(
    kills: int, arguments: list[str], calm: Path, tmp_path: Path, rng: random.Random
) -> None:
    expected = results(calm)
    assert len(expected) == RUNS
    killed: Counter[str] = Counter()
    while killed.total() < kills:
        killed += storm(arguments, tmp_path, kills - killed.total(), rng)
        study = tmp_path / "outputs" / "storm"
        assert results(study) == expected
        study.rename(tmp_path / f"after-{killed.total()}-kills")
    print("killed:", dict(killed))
