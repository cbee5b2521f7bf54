"""Two processes on the CPU: the run of one, and no rank left alone."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from seqbench.errors import ConfigError, DataError, Diverged, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.tasks.classification import Classification
from seqbench.training import distributed
from seqbench.training.distributed import RankError, Ranks
from seqbench.training.execute import execute
from seqbench.training.interrupts import RELAYED_STOP, Interrupts

# A smooth optimizer and no dropout: what is left is the order of float additions.
SMOOTH = [
    "optimizer=sgd", "optimizer.lr=0.5", "inputs.dropout=0", "task.dropout=0",
    "data.batch_size=7", "trainer.log_every=1",
]  # fmt: skip
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=2"]


_earlier: set[int] = set()


@pytest.fixture(autouse=True)
def _others() -> None:
    """What other tests have left running is not this module's."""
    _earlier.clear()
    _earlier.update(child.pid for child in psutil.Process().children())


def forked() -> list[psutil.Process]:
    """Processes that this one has forked."""
    own = psutil.Process().name()
    children = psutil.Process().children()
    return [child for child in children if child.name() == own and child.pid not in _earlier]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = torch.load(
        folder / "checkpoints" / "best.ckpt", weights_only=True
    )["state_dict"]
    return loaded


@pytest.mark.parametrize(("accumulate", "logger"), [(1, "wandb"), (2, "none")])
def test_two_processes_are_one_at_the_same_global_batch(
    accumulate: int, logger: str, make_job: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    options = [*SMOOTH, f"trainer.accumulate={accumulate}"]
    one = make_job(*options)
    alone = execute(one).record
    two = make_job(*TWO, *options, f"logger={logger}", "study=two", "trainer.log_every=1")
    both = execute(two).record
    assert both.status == "completed"
    assert (both.cost.steps, both.cost.tokens) == (alone.cost.steps, alone.cost.tokens)
    assert both.cost.flops == pytest.approx(alone.cost.flops, rel=0.1)  # half batches pad less
    for name, weight in weights(one.folder).items():
        torch.testing.assert_close(
            weights(two.folder)[name],
            weight,
            rtol=1e-5,
            atol=1e-5,
            msg=lambda m, n=name: f"{n} {m}",
        )
    for split in ("validation", "test"):
        found = getattr(both.scores, split)
        assert found == pytest.approx(getattr(alone.scores, split), abs=1e-5)
    assert both.scores.confusion == alone.scores.confusion
    rows = [read_metrics(job.folder / "metrics.jsonl") for job in (one, two)]
    for row, other in zip(*rows, strict=True):
        del row["seconds"], other["seconds"]
        assert other == pytest.approx(row, abs=1e-5)
    assert [path.name for path in two.folder.parent.rglob("record.json")] == ["record.json"]
    mirrors = list(two.folder.glob("wandb/offline-run-*"))
    assert len(mirrors) == (logger == "wandb")
    assert "GLOBAL_RANK" not in capfd.readouterr().err


def test_a_rank_that_dies_ends_the_other(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Classification.training_step

    def die(self: Classification, batch: Any, number: int) -> Any:
        if number == 2 and distributed.rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, batch, number)

    monkeypatch.setattr(Classification, "training_step", die)
    job = make_job(*TWO, *SMOOTH)
    with pytest.raises(TrainingError, match=r"expected 2 ranks .*, got rank 1 was killed by SIGK"):
        execute(job)
    record = RunFolder(job.folder).read_record()
    assert record is not None
    assert (record.status, record.scores.test) == ("failed", {})
    assert not forked()


def test_bad_input_is_found_by_one_process(
    make_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ranks, "work", lambda *_: pytest.fail("the ranks began"))
    job = make_job(*TWO, f"data.files.train={tmp_path / 'nowhere.csv'}")
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        execute(job)
    assert not job.folder.exists()
    assert not forked()


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs small functions as two ranks; gives the error, and the exit codes."""
    monkeypatch.setattr(distributed, "_store", lambda _: SimpleNamespace(port=1))
    ends = Ranks.end
    monkeypatch.setattr(Ranks, "end", lambda self, **_: ends(self, farewell=0.2, grace=0.5))

    def launch(*programs: Callable[[], int]) -> tuple[str, list[int | None]]:
        ranks = Ranks(RunFolder("outputs/a-run"), 2, lambda _: programs[distributed.rank()]())
        with pytest.raises((TrainingError, KeyboardInterrupt)) as caught:
            ranks.work()
        assert not forked()
        error = caught.value
        if isinstance(error, TrainingError):
            diverged = error.name == "training diverged"
            assert isinstance(error, Diverged) == diverged
            assert error.details == ({"step": 9.25} if diverged else {})
            return error.line(), ranks.codes
        return str(error), ranks.codes

    return launch


def tell(message: str, seconds: float) -> int:
    """As a rank that fails at this time."""
    error = {
        "rank": distributed.rank(),
        "kind": "Diverged" if message == "training diverged" else "RuntimeError",
        "message": message,
        "seconds": seconds,
        "details": {"step": seconds},
    }
    Path(os.environ[distributed.ERRORS], f"{distributed.rank()}.json").write_text(json.dumps(error))
    return 1


def test_of_what_ranks_tell_the_first_counts(launched: Any) -> None:
    line, codes = launched(
        lambda: tell("connection lost", 9.5), lambda: tell("training diverged", 9.25)
    )
    assert (line, codes) == ("training diverged", [1, 1])


def test_a_rank_that_will_not_end_is_killed(launched: Any) -> None:
    def stubborn() -> int:
        signal.signal(RELAYED_STOP, signal.SIG_IGN)
        time.sleep(60)
        return 0

    line, codes = launched(lambda: time.sleep(0.3) or 3, stubborn)
    assert "got rank 0 ended with exit code 3; see outputs/a-run/log.txt" in line
    assert codes == [3, -signal.SIGKILL]


def test_ranks_that_end_well_without_a_record_have_failed(launched: Any) -> None:
    line, _ = launched(lambda: 0, lambda: 0)
    assert "got rank 0 ended with exit code 0" in line


def test_interrupted_ranks_interrupt_the_run(launched: Any) -> None:
    assert launched(lambda: 130, lambda: 130) == ("told to stop by SIGINT", [130, 130])
    assert launched(lambda: 143, lambda: 143) == ("told to stop by SIGTERM", [143, 143])
    assert launched(lambda: 138, lambda: 138) == ("told to stop by SIGUSR1", [138, 138])


def wait_for(*paths: Path) -> None:
    deadline = time.monotonic() + 10
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int | None]]:
    """Runs a function as two ranks whose launcher is told to stop once both have begun."""

    def stop(_: Ranks) -> None:
        wait_for(tmp_path / "0 began", tmp_path / "1 began")
        raise KeyboardInterrupt

    monkeypatch.setattr(distributed, "_store", lambda _: SimpleNamespace(port=1))
    monkeypatch.setattr(Ranks, "_wait", stop)

    def run(program: Callable[[Path], int]) -> list[int | None]:
        ranks = Ranks(RunFolder(tmp_path), 2, program)
        with pytest.raises(KeyboardInterrupt):
            ranks.work()
        return ranks.codes

    return run


def test_a_launcher_told_to_stop_waits_for_its_ranks(stopped: Any, tmp_path: Path) -> None:
    def finish(_: Path) -> int:
        signal.signal(RELAYED_STOP, lambda *_: None)
        (tmp_path / f"{distributed.rank()} began").touch()
        time.sleep(0.5)
        (tmp_path / f"{distributed.rank()} finished").touch()
        return 0

    assert stopped(finish) == [0, 0]
    assert (tmp_path / "0 finished").exists()
    assert (tmp_path / "1 finished").exists()


def test_a_groups_sigterm_and_its_launchers_stop_are_one_stop(stopped: Any, tmp_path: Path) -> None:
    def checkpoint(_: Path) -> int:
        with Interrupts() as interrupts:
            interrupts.deferring = True
            os.kill(os.getpid(), signal.SIGTERM)
            (tmp_path / f"{distributed.rank()} began").touch()
            time.sleep(0.5)
            return 130 if interrupts.requested else 1

    assert stopped(checkpoint) == [130, 130]


def test_a_process_that_trained_with_threads_is_not_forked(
    make_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "_has_trained_threaded", False)
    distributed.note_training(threads=2)
    distributed.note_training(threads=1)
    job = make_job(*TWO)
    with pytest.raises(ConfigError, match=r"trainer\.devices: .* with several threads; hydra"):
        execute(job)
    assert not job.folder.exists()
    assert not forked()


def test_nor_is_one_that_used_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with (
        pytest.raises(ConfigError, match=r"got one that has used CUDA; hydra/launcher=pool"),
        distributed.forked_ranks(RunFolder(tmp_path), 2),
    ):
        pass


def test_a_run_notes_its_threads(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[int] = []
    monkeypatch.setattr(distributed, "note_training", lambda *, threads: noted.append(threads))
    execute(make_job("trainer.max_steps=1", "trainer.threads=1"))
    assert noted == [1]


def test_ranks_that_are_not_needed_end(tmp_path: Path) -> None:
    with distributed.forked_ranks(RunFolder(tmp_path), 2) as ranks:
        assert ranks is not None
        assert len(forked()) == 2
    assert ranks.codes == [0, 0]
    assert not forked()


def test_each_rank_finds_torchruns_environment(launched: Any, tmp_path: Path) -> None:
    def write() -> int:
        (tmp_path / os.environ["RANK"]).write_text(json.dumps(dict(os.environ)))
        return 0

    launched(write, write)
    for rank in ("0", "1"):
        found = json.loads((tmp_path / rank).read_text())
        expected = {
            "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
            "GROUP_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1",
            "TORCHELASTIC_RUN_ID": "a-run", "TORCHELASTIC_USE_AGENT_STORE": "True",
        }  # fmt: skip
        assert expected.items() <= found.items()


def test_only_a_launched_rank_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RankError.tell(ValueError("nobody listens"))
    assert not distributed.is_launched()
    monkeypatch.setenv(distributed.ERRORS, str(tmp_path))
    monkeypatch.setenv("RANK", "1")
    RankError.tell(TrainingError("no memory", details={"data.batch_size": 64}))
    first = RankError.first(tmp_path)
    assert first is not None
    assert (first.rank, first.kind, first.message) == (1, "TrainingError", "no memory")
    assert first.details == {"data.batch_size": 64}
    assert (distributed.is_launched(), distributed.is_main()) == (True, False)


def test_ranks_are_needed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with distributed.forked_ranks(RunFolder(tmp_path), 1) as ranks:
        assert ranks is None
    monkeypatch.setenv("RANK", "0")
    with distributed.forked_ranks(RunFolder(tmp_path), 2) as ranks:
        assert ranks is None
