"""A resumed run's offline mirror tells the whole history, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seqbench.tasks.classification import Classification
from seqbench.training.execute import execute

TIMES = ("_runtime", "_timestamp")


def logged(folder: Path) -> list[dict[str, Any]]:
    """What was logged of training in the one offline run below the folder, in order."""
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    wandb = Path(sys.executable).with_name("wandb")
    command = [str(wandb), "leet", "inspect", "--json", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = []
    for line in lines.splitlines():
        record = json.loads(line)
        if record["type"] == "history":
            items = record["history"]["item"].items()
            rows.append({name: value for name, value in items if name not in TIMES})
    return [row for row in rows if "trainer/global_step" in row]


def test_a_resumed_run_is_mirrored_as_one_that_never_stopped(
    make_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, job = (
        make_job("logger=wandb", f"paths.outputs={tmp_path / name}") for name in ("whole", "job")
    )
    execute(whole)
    step = Classification.training_step

    def stop(self: Classification, batch: Any, batch_idx: int) -> Any:
        if self.trainer.global_step == 7:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Classification, "training_step", stop)
        execute(job)
    stopped = logged(job.folder)
    execute(job)
    rows = logged(job.folder)
    assert 0 < len(stopped) < len(rows)
    assert rows == logged(whole.folder)
    assert {"train/loss", "tokens", "epoch", "trainer/global_step"} <= rows[0].keys()
    assert "planned/steps" not in {name for row in rows for name in row}
