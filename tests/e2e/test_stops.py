"""`seqbench train` in a process of its own, told to stop by each signal in each of its phases."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.rarely import rarely
from tests.training.stopping import record_of, result

from seqbench import cli
from seqbench.baselines.majority import Majority
from seqbench.config.compose import compose_job
from seqbench.records.folder import RunFolder
from seqbench.records.record import INTERRUPTED
from seqbench.tasks.classification import Classification
from seqbench.tasks.task import Task
from seqbench.training import checkpoints, run
from seqbench.training.training_files import last_checkpoint

SECONDS = 120.0  # for a run of less than one, on a busy machine
# Where a run is held up: the owner and name of what is called then, and at which call.
PHASES: dict[str, tuple[Any, str, int]] = {
    "data set-up": (run, "set_up_data", 1),
    "training": (Task, "training_step", 7),
    "validation": (Task, "validation_step", 1),
    "test": (Classification, "test_step", 1),
}
BASELINE = (Majority, "fit", 1)


class Process:
    """The command in a forked process, held up at a place of its way.

    Args:
        arguments: of `seqbench train`.
        folder: where it says that it has come there.
        place: where; None is nowhere.
        seconds: for how long.
    """

    def __init__(
        self, arguments: list[str], folder: Path, place: Any = None, seconds: float = 0.3
    ) -> None:
        self._folder = folder
        for path in folder.glob("there-*"):
            path.unlink()
        self.pid = os.fork()
        if self.pid:
            return
        code = 70
        try:
            if place is not None:
                self._hold_up(*place, seconds)
            code = cli.main(["train", *arguments])
        finally:
            os._exit(code)

    def _hold_up(self, owner: Any, name: str, number: int, seconds: float) -> None:
        original, calls = getattr(owner, name), 0

        def held(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                (self._folder / f"there-{os.environ.get('RANK', '0')}").touch()
                time.sleep(seconds)
            return original(*arguments, **named)

        setattr(owner, name, held)

    def wait_until_there(self, processes: int = 1) -> None:
        """Until it has come to its place, and so have the others that train with it."""
        deadline = time.monotonic() + SECONDS
        while len(list(self._folder.glob("there-*"))) < processes:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def ended(self) -> int:
        """Its exit code."""
        deadline = time.monotonic() + SECONDS
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                pytest.fail("the run does not end")
            time.sleep(0.01)


@pytest.fixture
def arguments(tiny: list[str], tmp_path: Path) -> list[str]:
    """A run of ten batches an epoch."""
    return [*tiny, "data.batch_size=4", f"paths.outputs={tmp_path / 'out'}"]


@pytest.fixture
def calm(tiny: list[str], tmp_path: Path) -> RunFolder:
    """The same run, never told to stop."""
    overrides = [*tiny, "data.batch_size=4", f"paths.outputs={tmp_path / 'calm'}"]
    assert Process(overrides, tmp_path).ended() == 0
    return RunFolder(compose_job(overrides).folder)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)]
)
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_ends_the_run_which_goes_on_later(
    phase: str, number: signal.Signals, code: int, arguments: list[str], tmp_path: Path
) -> None:
    folder = RunFolder(compose_job(arguments).folder)
    process = Process(arguments, tmp_path, PHASES[phase])
    process.wait_until_there()
    os.kill(process.pid, number)
    assert process.ended() == code
    record = record_of(folder.path)
    assert record.status == INTERRUPTED
    assert record.error is not None
    assert (record.error.type, record.error.message, record.error.traceback) == (
        number.name, f"told to stop by {number.name}", "",
    )  # fmt: skip
    # One that came during training or a short validation has left its state.
    assert last_checkpoint(folder).exists() == (phase in ("training", "validation"))
    assert Process(arguments, tmp_path).ended() == 0
    assert record_of(folder.path).status == "completed"
    if phase == "training":  # within the step that it came in
        assert "going on from step 7 in epoch 1" in folder.log.read_text()


def test_stopped_by_each_signal_in_turn_it_ends_as_if_it_never_was(
    arguments: list[str], calm: RunFolder, tmp_path: Path
) -> None:
    for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGTERM):
        process = Process(arguments, tmp_path, (Task, "training_step", 4))
        process.wait_until_there()
        os.kill(process.pid, number)
        assert process.ended() == 128 + number
    assert Process(arguments, tmp_path).ended() == 0
    assert result(RunFolder(compose_job(arguments).folder)) == result(calm)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_baseline_is_interrupted_too(
    number: signal.Signals, tiny: list[str], tmp_path: Path
) -> None:
    others = [item for item in tiny if not item.startswith("model.")]
    arguments = [*others, "model=baseline/majority", f"paths.outputs={tmp_path / 'out'}"]
    process = Process(arguments, tmp_path, BASELINE, seconds=SECONDS)
    process.wait_until_there()
    os.kill(process.pid, number)
    assert process.ended() == 128 + number
    record = record_of(compose_job(arguments).folder)
    assert (record.status, record.error and record.error.type) == (INTERRUPTED, number.name)
    assert Process(arguments, tmp_path).ended() == 0


def test_a_second_ctrl_c_ends_it_at_once(arguments: list[str], tmp_path: Path) -> None:
    process = Process(arguments, tmp_path, PHASES["training"], seconds=SECONDS)
    process.wait_until_there()
    began = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.2)
    assert os.waitpid(process.pid, os.WNOHANG) == (0, 0), "the first waits for the step's end"
    os.kill(process.pid, signal.SIGINT)
    assert process.ended() == 130
    assert time.monotonic() - began < SECONDS / 2
    folder = RunFolder(compose_job(arguments).folder)
    assert record_of(folder.path).status == INTERRUPTED
    assert not last_checkpoint(folder).exists()


@pytest.mark.parametrize("patience", [0.0, 1000.0])
def test_a_stop_waits_for_a_short_validation_only(
    patience: float, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a long one it ends at once; what was trained since the last checkpoint is done again."""
    monkeypatch.setattr(checkpoints, "VALIDATION_SECONDS", patience)
    small = [*tiny, "data.batch_size=2", "trainer.checkpoint_every=1e-9"]  # two of validation
    arguments, others = ([*small, f"paths.outputs={tmp_path / name}"] for name in ("out", "calm"))
    assert Process(others, tmp_path).ended() == 0
    folder, calm = (RunFolder(compose_job(each).folder) for each in (arguments, others))
    process = Process(arguments, tmp_path, PHASES["validation"])
    process.wait_until_there()
    os.kill(process.pid, signal.SIGTERM)
    assert process.ended() == 143
    at_once = patience == 0.0
    assert ('"validation/loss"' in folder.metrics.read_text()) == (not at_once)
    assert Process(arguments, tmp_path).ended() == 0
    assert f"going on from step {19 if at_once else 20} in" in folder.log.read_text()
    assert result(folder) == result(calm)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("whole_group", [True, *rarely(False)], ids=["group", "launcher"])
def test_two_processes_are_told_by_either_way(
    number: signal.Signals, whole_group: bool, arguments: list[str], tmp_path: Path
) -> None:
    """Slurm warns every process of a step, and the launcher relays its own warning besides."""
    arguments = [*arguments, "trainer.devices=2"]
    place = (Task, "training_step", 3)
    process = _leading_a_group(lambda: Process(arguments, tmp_path, place, seconds=1.0))
    process.wait_until_there(processes=2)
    (os.killpg if whole_group else os.kill)(process.pid, number)
    assert process.ended() == 128 + number
    folder = RunFolder(compose_job(arguments).folder)
    record = record_of(folder.path)
    assert (record.status, record.error and record.error.type) == (INTERRUPTED, number.name)
    assert last_checkpoint(folder).exists()
    assert Process(arguments, tmp_path).ended() == 0
    assert "going on from step 3 in epoch 1" in folder.log.read_text()


def _leading_a_group(begin: Callable[[], Process]) -> Process:
    main = cli.main

    def lead(argv: Any = None) -> int:
        os.setpgid(0, 0)
        return main(argv)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "main", lead)
        return begin()
