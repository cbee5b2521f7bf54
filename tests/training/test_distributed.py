"""Two processes on the CPU: the run of one, and no rank left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from seqbench.errors import DataError, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.training import distributed
from seqbench.training.distributed import RankError
from seqbench.training.execute import execute

# A smooth optimizer and no dropout: what is left is the order of float additions.
SMOOTH = [
    "optimizer=sgd", "optimizer.lr=0.5", "inputs.dropout=0", "task.dropout=0",
    "data.batch_size=7", "trainer.log_every=1",
]  # fmt: skip
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=2"]


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


def test_a_rank_that_dies_ends_the_other(
    make_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python imports sitecustomize in every rank: rank 1 kills itself at its third step.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal\n"
        "if os.environ.get('RANK') == '1':\n"
        "    from seqbench.tasks.classification import Classification as C\n"
        "    step = C.training_step\n"
        "    def die(self, batch, i):\n"
        "        if i == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return step(self, batch, i)\n"
        "    C.training_step = die\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    job = make_job(*TWO, *SMOOTH)
    with pytest.raises(TrainingError, match=r"expected 2 ranks .*, got rank 1 was killed by SIGK"):
        execute(job)
    record = RunFolder(job.folder).read_record()
    assert record is not None
    assert (record.status, record.scores.test) == ("failed", {})
    assert not _running(str(job.folder))


def _running(argument: str) -> list[str]:
    lines = [
        " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    ]
    return [line for line in lines if argument in line and "seqbench.training.rank" in line]


def test_bad_input_is_found_before_any_rank_starts(
    make_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "_start", lambda *_: pytest.fail("a rank was started"))
    job = make_job(*TWO, f"data.files.train={tmp_path / 'nowhere.csv'}")
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        execute(job)
    assert not job.folder.exists()


def ranks(*programs: str) -> list[subprocess.Popen[bytes]]:
    return [subprocess.Popen([sys.executable, "-S", "-c", program]) for program in programs]


@pytest.fixture
def launched(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Launches small programs in place of ranks; gives the error, and the processes."""
    monkeypatch.setattr(distributed, "FAREWELL_SECONDS", 0.2)
    monkeypatch.setattr(distributed, "GRACE_SECONDS", 0.5)
    started: list[subprocess.Popen[bytes]] = []

    def launch(*programs: str, told: dict[str, str] | None = None) -> tuple[str, list[int | None]]:
        def start(folder: Any, world: int, errors: str) -> list[subprocess.Popen[bytes]]:
            for name, content in (told or {}).items():
                Path(errors, name).write_text(content)
            started.extend(ranks(*programs))
            return started

        monkeypatch.setattr(distributed, "_start", start)
        with pytest.raises(TrainingError) as caught:
            distributed.launch(RunFolder("outputs/a-run"), 2)
        return caught.value.line(), [process.poll() for process in started]

    return launch


def test_of_what_ranks_tell_the_first_counts(launched: Any) -> None:
    line, codes = launched(
        "import sys; sys.exit(1)", "import sys; sys.exit(1)",
        told={
            "0.json": '{"rank": 0, "message": "connection lost", "seconds": 9.5}',
            "1.json": '{"rank": 1, "message": "training diverged", "seconds": 9.25}',
        },
    )  # fmt: skip
    assert (line, codes) == ("training diverged", [1, 1])


def test_a_rank_that_will_not_end_is_killed(launched: Any) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
    started = time.perf_counter()
    line, codes = launched("import time; time.sleep(0.3); raise SystemExit(3)", stubborn)
    assert time.perf_counter() - started < 10
    assert "got rank 0 ended with exit code 3; see outputs/a-run/log.txt" in line
    assert codes == [3, -signal.SIGKILL]


def test_ranks_that_end_well_without_a_record_have_failed(launched: Any) -> None:
    line, _ = launched("pass", "pass")
    assert "got rank 0 ended with exit code 0" in line


def test_only_a_launched_rank_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RankError.tell("nobody listens")
    assert not distributed.is_launched()
    monkeypatch.setenv(distributed.ERRORS, str(tmp_path))
    monkeypatch.setenv("RANK", "1")
    RankError.tell("no memory")
    first = RankError.first(tmp_path)
    assert first is not None
    assert (first.rank, first.message) == (1, "no memory")
    assert (distributed.is_launched(), distributed.is_main()) == (True, False)


def test_ranks_are_needed_once() -> None:
    assert distributed.must_launch(2)
    assert not distributed.must_launch(1)
    os.environ["RANK"] = "0"
    try:
        assert not distributed.must_launch(2)
    finally:
        del os.environ["RANK"]
