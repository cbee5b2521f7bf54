"""What test pools execute, in place of a training: found by name in the jobs' processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.sweeps.stored import store

from seqbench.config.job import Job
from seqbench.records.folder import RunFolder


def complete(job: Job) -> Any:
    """Writes a completed record, and an event before and after."""
    with RunFolder(job.folder).claim():
        event(job, "start")
        record = store(job).read_record()
        event(job, "end")
    return SimpleNamespace(record=record, was_complete=False, stale=())


def event(job: Job, what: str) -> None:
    """Appends a line that says what happened where."""
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "-")
    line = f"{what} {job.seed} {os.getpid()} {os.getpgid(0)} {gpus}\n"
    descriptor = os.open(job.folder.parent / "events", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def events(study: Path) -> list[list[str]]:
    """What happened: what, seed, process, process group, visible GPUs."""
    path = study / "events"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that will come."""
    while not condition():
        time.sleep(0.005)


def crash(job: Job) -> Any:
    """Ends in a way of each seed's own; seed 0 completes."""
    print(f"job {job.seed} was here")
    if job.seed == 1:
        raise ValueError("no\ngood")
    if job.seed == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    if job.seed == 3:
        os._exit(7)
    done = complete(job)
    if job.seed == 4:  # dies after its work
        os.kill(os.getpid(), signal.SIGKILL)
    return done


def crash_in_python(job: Job) -> Any:
    """Seed 1 raises, the others complete."""
    if job.seed == 1:
        raise ValueError("no\ngood")
    return complete(job)


def together(job: Job) -> Any:
    """Goes on only when eight jobs have been started."""
    event(job, "in")
    until(lambda: sum(line[0] == "in" for line in events(job.folder.parent)) >= 8)
    event(job, "out")
    return complete(job)


def kill_the_warm_process_once(job: Job) -> Any:
    """Seed 0 does, at its first try; the others wait for that."""
    mark = job.folder.parent / "killed"
    if job.seed == 0 and not mark.exists():
        mark.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    until(mark.exists)
    return complete(job)


def kill_the_warm_process(job: Job) -> Any:
    """Every time."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def sleep(job: Job) -> Any:
    """Until it is told to stop."""
    time.sleep(100)


def hold(job: Job) -> Any:
    """Holds its folder until it is told to stop."""
    with RunFolder(job.folder).claim():
        time.sleep(100)


def deaf(job: Job) -> Any:
    """Hears that it is told to stop, and does not."""
    event(job, "start")
    try:
        time.sleep(100)
    except KeyboardInterrupt:
        event(job, "told")
        time.sleep(100)


def stop_the_pool(job: Job) -> Any:
    """Tells the pool to stop once two jobs run; ends by the signal that the pool sends then.

    A warning goes to the warm process too, as Slurm sends it to every process of a step.
    """
    event(job, "start")
    if job.seed == 0:
        until(lambda: len(events(job.folder.parent)) >= 2)
        number = signal.Signals[os.environ["TEST_STOP"]]
        if number == signal.SIGUSR1:
            os.kill(os.getppid(), number)
        os.kill(int(os.environ["TEST_POOL"]), number)
    time.sleep(60)


def stop_the_pool_twice(job: Job) -> Any:
    """Ignores being asked, so that the pool is told again."""
    signal.signal(signal.SIGTERM, lambda *_: os.kill(int(os.environ["TEST_POOL"]), signal.SIGINT))
    os.kill(int(os.environ["TEST_POOL"]), signal.SIGINT)
    while True:
        time.sleep(60)


def leave_a_process(job: Job) -> Any:
    """Leaves a process behind that would run for a minute."""
    program = "import time; time.sleep(60)"
    left = subprocess.Popen([sys.executable, "-S", "-c", program])
    (job.folder.parent / "left").write_text(str(left.pid))
    return complete(job)


def modules(job: Job) -> Any:
    """Writes down what is imported."""
    (job.folder.parent / "modules").write_text("\n".join(sys.modules))
    return complete(job)
