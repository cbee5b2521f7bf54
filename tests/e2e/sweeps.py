"""Sweeps as a user starts them, in processes of their own, and what came of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from seqbench.records.load import load_records
from seqbench.records.metrics import read_metrics

PATIENCE = 300.0  # seconds for what takes one or two where nothing else runs
KINDS = ("sweep", "worker", "job", "rank")


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
        found: dict[str, list[psutil.Process]] = {kind: [] for kind in KINDS}
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

    def wait(
        self, until: Callable[[], bool] = lambda: False, *, patience: float = PATIENCE
    ) -> bool:
        """Until something comes about, or the sweep has ended; whether the former."""
        deadline = time.monotonic() + patience
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
        said = (run.folder.predictions, run.folder.token_losses)
        predictions = [path.read_bytes() for path in said if path.exists()]
        assert predictions
        found[run.record.run_id] = [plain, history, weights, predictions]
        mirrors = list(run.folder.path.glob("wandb/offline-run-*"))
        assert len(mirrors) == 1, mirrors
    return found
