"""A small configuration of toy parts, so that messages do not change with the shipped options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.config.job import Job, freeze

TOY = Path(__file__).parents[1] / "config" / "toy"


@pytest.fixture
def toy_dir(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy option files; `toy_parts`, which they name, can be imported."""
    monkeypatch.syspath_prepend(str(TOY / "code"))
    return TOY / "conf"


@pytest.fixture
def make_jobs(tmp_path: Path) -> Callable[..., list[Job]]:
    """Makes frozen jobs, told apart by their seeds."""

    def make(number: int, **trainer: Any) -> list[Job]:
        jobs = []
        for seed in range(number):
            config = {
                "run_id": f"data-model-s{seed}-00000000",
                "study": "pool",
                "seed": seed,
                "force": False,
                "paths": {"outputs": str(tmp_path), "cache": "", "datasets": None},
                "data": {"num_workers": 0},
                "model": {"_target_": "mine.LSTM"},
                "trainer": {"threads": 1, "devices": 1, "accelerator": "cpu", **trainer},
                "choices": {"model": "lstm"},
            }
            jobs.append(Job(run_id=config["run_id"], study="pool", seed=seed, config=config))
            freeze(jobs[-1], jobs[-1].folder / "config.yaml")
        return jobs

    return make
