"""W&B that dies, cannot be reached, or lets nobody in: the run is none the worse for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.rarely import rarely
from tests.tally import FAULTS, LOST
from tests.training.test_wandb_mirror import inspected

from seqbench.records.folder import RunFolder

KEY = "0123456789" * 4
PATIENCE = 120.0


@pytest.fixture
def begun(tiny: list[str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begins `seqbench train` in a process of its own, mirrored."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*overrides: str, **environment: str) -> subprocess.Popen[str]:
        others = [item for item in tiny if not item.startswith("logger=")]
        kept = {name: value for name, value in os.environ.items() if name != "WANDB_MODE"}
        process = subprocess.Popen(
            [sys.executable, "-m", "seqbench.cli", "train", *others, "logger=wandb", *overrides],
            cwd=tmp_path, env={**kept, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()  # no more than a word where it has ended
        process.communicate()


def completed(process: subprocess.Popen[str], place: Path, tally: Counter[str]) -> str:
    """What a run that completed has said on stderr."""
    _, said = process.communicate(timeout=PATIENCE)
    tally[FAULTS] += 1
    records = list((place / "outputs").rglob("record.json"))
    tally[LOST] += len(records) != 1
    assert process.returncode == 0, said
    record = RunFolder(records[0].parent).read_record()
    assert record is not None and record.status == "completed"
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("kill_all", [True, *rarely(False)])
def test_its_process_is_killed_in_mid_run(
    kill_all: bool, begun: Any, tmp_path: Path, tally: Counter[str]
) -> None:
    process = begun("trainer.max_epochs=30", "trainer.log_every=1", WANDB_MODE="offline")
    _kill_wandb(process, tmp_path, everything=kill_all)
    said = completed(process, tmp_path, tally)
    assert said.count("W&B failed (") == 1 and "training goes on without it" in said
    rows = next((tmp_path / "outputs").rglob("metrics.jsonl")).read_bytes().count(b"\n")
    assert rows > 150  # every step's, though W&B did not see them at first
    (file,) = (tmp_path / "outputs").glob("*/*/wandb/offline-run-*/*.wandb")
    summary = json.loads(inspected(file, "--summary"))
    assert (summary["state"], summary["exit_code"]) == ("finished", 0)
    assert summary["summary"]["trainer/global_step"] == 150
    assert "test/accuracy" in summary["summary"]


def _kill_wandb(process: subprocess.Popen[str], place: Path, *, everything: bool) -> None:
    """Kills W&B's own process, or all that the run has started, once it trains."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        history = next((place / "outputs").rglob("metrics.jsonl"), None)
        children = psutil.Process(process.pid).children(recursive=True)
        its_own = [each for each in children if "wandb" in _words(each)]
        if history is not None and history.read_bytes().count(b"\n") > 3 and its_own:
            for each in children if everything else its_own:
                each.kill()
            return
        time.sleep(0.01)
    raise AssertionError("the run has not come so far")


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return ""


def mirrored_offline(place: Path) -> bool:
    return len(list((place / "outputs").glob("*/*/wandb/offline-run-*/*.wandb"))) == 1


def test_a_server_that_cannot_be_reached(begun: Any, tmp_path: Path, tally: Counter[str]) -> None:
    process = begun(
        "logger.wandb.mode=online", WANDB_BASE_URL="http://127.0.0.1:9", WANDB_API_KEY=KEY
    )
    said = completed(process, tmp_path, tally)
    assert "W&B is not reachable (no answer from http://127.0.0.1:9): mirrored offline" in said
    assert mirrored_offline(tmp_path)


class LetsNobodyIn(BaseHTTPRequestHandler):
    def _refuse(self) -> None:
        self.send_error(401)

    do_HEAD = do_GET = do_POST = _refuse

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), LetsNobodyIn) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.full
def test_a_server_that_lets_nobody_in(
    begun: Any, refusing: str, tmp_path: Path, tally: Counter[str]
) -> None:
    process = begun("logger.wandb.mode=online", WANDB_BASE_URL=refusing, WANDB_API_KEY=KEY)
    said = completed(process, tmp_path, tally)
    assert "W&B is not reachable (" in said and "mirrored offline instead" in said
    assert "could not start" not in said
    assert mirrored_offline(tmp_path)


@pytest.mark.full
def test_online_without_credentials(begun: Any, tmp_path: Path, tally: Counter[str]) -> None:
    process = begun("logger.wandb.mode=online", WANDB_BASE_URL="http://127.0.0.1:9")
    completed(process, tmp_path, tally)
    assert mirrored_offline(tmp_path)


@pytest.mark.full
def test_a_folder_that_wandb_cannot_write_to(
    begun: Any, tmp_path: Path, tally: Counter[str]
) -> None:
    process = begun(
        "logger.wandb.mode=offline", WANDB_DATA_DIR="/proc/nowhere", WANDB_CACHE_DIR="/proc/nowhere"
    )
    completed(process, tmp_path, tally)
