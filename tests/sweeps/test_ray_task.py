"""What a Ray worker does with a run's process, without Ray."""

from __future__ import annotations

import _thread
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqbench.sweeps import ray_task
from seqbench.sweeps.node import Order
from seqbench.sweeps.ray_task import RayTask

TASK = RayTask(Order(call="", folder="", cwd="", path=(), argv=()), {}, None)

# A run that, told to stop, takes a while to save its checkpoint.
RUN = """
import pathlib, signal, sys, time

def stop(*_):
    time.sleep(float(sys.argv[1]))
    pathlib.Path("saved").touch()
    sys.exit(3)

signal.signal(signal.SIGTERM, stop)
pathlib.Path("begun").touch()
time.sleep(10)
"""


@pytest.fixture(params=[signal.SIG_IGN, signal.default_int_handler])
def worker(request: pytest.FixtureRequest) -> Iterator[None]:
    """A worker of a sweep in the background, which ignores Ctrl-C, or in the foreground."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


def cancelled_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, saves: float = 0.5, times: int = 1
) -> int:
    """The exit code of a run whose task is cancelled so many times, as Ray does that."""
    command = [sys.executable, "-S", "-c", RUN, str(saves)]
    monkeypatch.setattr(RayTask, "_start", lambda *_: subprocess.Popen(command, cwd=folder))

    def cancel() -> None:
        while not (folder / "begun").exists():
            time.sleep(0.01)
        for _ in range(times):
            _thread.interrupt_main()
            time.sleep(0.2)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    end = TASK()
    canceller.join()
    assert end.outcome is None  # it has told none
    return end.code


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("times", [1, 2])
def test_a_run_whose_task_is_cancelled_saves_its_checkpoint(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cancelled_in(tmp_path, monkeypatch, times=times) == 3
    assert (tmp_path / "saved").exists()


@pytest.mark.usefixtures("worker")
def test_a_run_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_task, "STOP_SECONDS", 0.3)
    assert cancelled_in(tmp_path, monkeypatch, saves=30.0) == -signal.SIGKILL


def test_what_a_run_says_before_its_log_is_open_is_not_lost(tmp_path: Path) -> None:
    """As where machines do not share a file system."""
    nowhere = tmp_path / "nowhere"
    order = Order(call="module:call", folder=str(tmp_path), cwd=str(nowhere), path=(), argv=())
    end = RayTask(order, {}, None)()
    assert (end.code, end.outcome) == (1, None)
    assert end.said.endswith(
        f"TrainingError: the sweep's working folder: expected {nowhere} on {socket.gethostname()}, "
        "got No such file or directory; the machines of a cluster share a file system with the "
        "one that sweeps"
    )
