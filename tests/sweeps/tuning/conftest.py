"""Searches over a small configuration of toy parts, as a user would start them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.test_sweep import TOYS, Now, Seen
from tests.sweeps.tuning import jobs

from seqbench.sweeps.command import run_sweep
from seqbench.sweeps.pool import Pool
from seqbench.sweeps.tuning.tuning import Tuning

TOY = Path(__file__).parents[2] / "config" / "toy"
OPTUNA = [
    "model=toy", "hydra/sweeper=optuna", "hydra.sweeper.objective=validation/accuracy",
    "hydra.sweeper.retrain_best=0", "trainer.devices=1", "trainer.accelerator=cpu",
]  # fmt: skip


def arguments(out: Path, *overrides: str) -> list[str]:
    """What follows `seqbench sweep`; what is said later counts."""
    said = {item.lstrip("+").partition("=")[0]: item for item in [*TOYS, *OPTUNA, *overrides]}
    return ["--config-dir", str(TOY / "conf"), *said.values(), f"paths.outputs={out}"]


Search = Callable[..., Tuning]


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where studies go; the toy parts can be imported."""
    monkeypatch.syspath_prepend(str(TOY / "code"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


@pytest.fixture
def search(out: Path) -> Search:
    """Searches through the real sweeper, and gives back what it knows in the end."""

    def run(*overrides: str, execute: Any = jobs.known, seen: Seen | None = None) -> Tuning:
        found: list[Tuning] = []

        def verb(tuning: Any) -> int:
            found.append(tuning)
            lighten(tuning, overrides)
            with tuning.claimed():
                tuning.outcomes = tuning.search(execute, seen or Seen())
            if isinstance(tuning.launcher, Pool):
                tuning.launcher.close()
            return 0

        run_sweep(arguments(out, *overrides), verb)
        return found[0]

    return run


def lighten(tuning: Tuning, overrides: Sequence[str]) -> None:
    """A pool that imports nothing heavy where two slots are asked for, else this process alone."""
    if "hydra.launcher.slots=2" in overrides:
        tuning.launcher.close()  # type: ignore[attr-defined]
        tuning.launcher = Pool(modules=(), slots=2)
    elif not any(line.startswith("hydra/launcher=") for line in overrides):
        tuning.launcher = Now()
