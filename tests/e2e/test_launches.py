"""A run's bits do not depend on how it was launched: alone, one after another, in a pool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.sweeps import Sweep, results
from tests.rarely import rarely

SEEDS = (0, 1)
# Several threads share the work in another way than one, which must be the same way everywhere.
CASES = {
    "classifier": ["trainer.threads=1"],
    "classifier, two threads": ["trainer.threads=2"],
    "language model": ["trainer.threads=1"],
}


@pytest.fixture(params=rarely(*CASES))
def arguments(request: pytest.FixtureRequest, tiny: list[str], tiny_text: list[str]) -> list[str]:
    """A run of a few steps that is mirrored; its hidden layer is wide enough to share the work."""
    own = tiny_text if request.param == "language model" else tiny
    kept = [item for item in own if not item.startswith(("logger=", "model.d_hidden"))]
    return [*kept, *CASES[request.param], "model.d_hidden=48", "logger=offline"]


def alone(arguments: list[str], folder: Path) -> dict[str, Any]:
    """Each run by a command of its own."""
    for seed in SEEDS:
        command = [sys.executable, "-m", "seqbench.cli", "train", *arguments, f"seed={seed}"]
        done = subprocess.run(
            [*command, "study=alone"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return results(folder / "outputs" / "alone")


def swept(arguments: list[str], folder: Path, study: str, *how: str) -> dict[str, Any]:
    """All of them by one sweep."""
    seeds = f"seed={','.join(map(str, SEEDS))}"
    sweep = Sweep([*arguments, seeds, f"study={study}", "report=false", *how], folder)
    sweep.wait()
    assert sweep.process.returncode == 0, (folder / "sweep.txt").read_text()
    return results(folder / "outputs" / study)


def test_however_launched_the_bits_are_the_same(arguments: list[str], tmp_path: Path) -> None:
    expected = alone(arguments, tmp_path)
    assert len(expected) == len(SEEDS)
    first, second = (weights for _, _, weights, _ in expected.values())
    assert first != second
    launched = {
        "one by one in one process": swept(arguments, tmp_path, "basic", "hydra/launcher=basic"),
        "in a slot": swept(arguments, tmp_path, "slot", "hydra.launcher.slots=1"),
        "two at once": swept(arguments, tmp_path, "two", "hydra.launcher.slots=2"),
    }
    for how, found in launched.items():
        assert found == expected, how


@pytest.mark.full
def test_a_run_of_a_pool_is_done_again_by_a_command(
    tiny: list[str], cache_dir: Path, tmp_path: Path
) -> None:
    swept([*tiny, "logger=offline"], tmp_path, "pool", "hydra.launcher.slots=2")
    for record in (tmp_path / "outputs" / "pool").glob("*/record.json"):
        command = [sys.executable, "-m", "seqbench.cli", "train", f"from={record}"]
        done = subprocess.run(
            [*command, f"paths.cache={cache_dir}"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"equal to {record.parent}: " in done.stdout
        assert "although" not in done.stdout
