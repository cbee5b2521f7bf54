"""Launchers that others have published: they compose again, and what they execute is frozen."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sweeps import pool_jobs
from tests.sweeps.test_sweep import TOYS, Seen

from seqbench.sweeps.command import run_sweep
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.plan import Plan


@pytest.mark.parametrize("options", [["joblib", "hydra.launcher.n_jobs=2"], ["basic"]])
def test_jobs_by_a_published_launcher(
    options: list[str], toy_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *settings = options
    outcomes: list[Outcome] = []

    def verb(plan: Plan) -> int:
        outcomes.extend(plan.execute(pool_jobs.crash_in_python, Seen()))
        return 0

    overrides = [item for item in TOYS if not item.startswith("hydra/launcher")]
    arguments = ["model=toy", "seed=0,1,2", f"paths.outputs={tmp_path / 'out'}"]
    run_sweep(
        ["--config-dir", str(toy_dir), *overrides, *arguments, f"hydra/launcher={name}", *settings],
        verb,
    )
    assert [(item.status, item.reason) for item in sorted(outcomes, key=lambda o: o.run_id)] == [
        ("completed", ""), ("failed", "ValueError: no good"), ("completed", ""),
    ]  # fmt: skip
    starts = pool_jobs.events(tmp_path / "out" / "default")
    assert sorted(line[1] for line in starts if line[0] == "start") == ["0", "2"]
