"""Sweeps that are stopped, shared, or run out of disk: nothing is lost, nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.sweeps import Sweep, results

from seqbench.records.load import load_records
from seqbench.records.metrics import read_metrics


@pytest.fixture
def arguments(tiny: list[str]) -> list[str]:
    """A sweep of four runs that last a second or two."""
    others = [item for item in tiny if not item.startswith(("logger=", "trainer.max_epochs"))]
    return [
        *others, "trainer.max_epochs=40", "seed=0,1,2,3", "logger=offline", "report=false",
        "hydra.launcher.slots=2",
    ]  # fmt: skip


def printed(folder: Path) -> str:
    """What the sweeps in this folder have printed."""
    return (folder / "sweep.txt").read_text()


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_goes_on_where_it_was(
    number: signal.Signals, arguments: list[str], tmp_path: Path
) -> None:
    stopped = Sweep([*arguments, "study=stopped"], tmp_path)
    study = tmp_path / "outputs" / "stopped"
    assert stopped.wait(lambda: any(len(read_metrics(path)) > 4 for path in _histories(study)))
    os.kill(stopped.process.pid, number)
    stopped.wait()
    assert stopped.process.returncode == 130
    assert stopped.left() == []
    assert "interrupted" in printed(tmp_path)
    records = [run.record for run in load_records(study).runs]
    assert "interrupted" in {record.status for record in records}
    left = list(study.glob("*/checkpoints/last.ckpt"))
    assert left
    again = Sweep([*arguments, "study=stopped"], tmp_path)
    again.wait()
    assert again.process.returncode == 0
    went_on = [path.parents[1] for path in left]
    assert all("going on from step" in (run / "log.txt").read_text() for run in went_on)
    calm = Sweep([*arguments, "study=calm"], tmp_path)
    calm.wait()
    assert results(study) == results(tmp_path / "outputs" / "calm")
    assert not list(study.glob("*/checkpoints/last.ckpt"))


def _histories(study: Path) -> list[Path]:
    return list(study.glob("*/metrics.jsonl"))


@pytest.mark.full
def test_two_sweeps_share_the_work(arguments: list[str], tmp_path: Path) -> None:
    sweeps = [Sweep([*arguments, "study=shared"], tmp_path) for _ in range(2)]
    for sweep in sweeps:
        sweep.wait()
    assert [sweep.process.returncode for sweep in sweeps] == [0, 0]
    assert printed(tmp_path).count("4 runs: 4 completed") == 2
    runs = load_records(tmp_path / "outputs" / "shared").runs
    assert len(runs) == 4
    for run in runs:  # said once, where a training begins
        assert run.folder.log.read_text().count("W&B: offline") == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.full
def test_a_full_disk_loses_nothing(arguments: list[str], tmp_path: Path, small_disk: Path) -> None:
    wide = [item for item in arguments if not item.startswith(("model.d_hidden", "logger="))]
    wide += ["model.d_hidden=180", "trainer.max_epochs=2", "logger=none"]  # 0.6 MB of weights
    wide += [f"paths.outputs={small_disk}", "study=full"]
    full = Sweep(wide, tmp_path)
    full.wait()
    assert full.process.returncode == 1, printed(tmp_path)
    assert "Traceback" not in printed(tmp_path)
    failed = [line for line in printed(tmp_path).splitlines() if line.startswith("failed: ")]
    assert failed
    assert all("No space left on device" in line for line in failed), failed
    complete = {run.folder.path for run in load_records(small_disk / "full").runs
                if run.record.status == "completed"}  # fmt: skip
    stamps = {path: (path / "record.json").stat().st_mtime_ns for path in complete}
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    again = Sweep(wide, tmp_path)
    again.wait()
    assert again.process.returncode == 0, printed(tmp_path)
    runs = load_records(small_disk / "full").runs
    assert [run.record.status for run in runs] == ["completed"] * 4
    assert all((path / "record.json").stat().st_mtime_ns == stamps[path] for path in stamps)


@pytest.mark.full
def test_data_parallel_runs_in_a_sweep_are_those_of_one_process(
    tiny: list[str], tmp_path: Path
) -> None:
    # A smooth optimizer and no dropout: what is left is the order of float additions.
    smooth = [
        *(item for item in tiny if not item.startswith(("logger=", "data.batch_size"))),
        "optimizer=sgd", "optimizer.lr=0.5", "inputs.dropout=0", "task.dropout=0",
        "data.batch_size=7", "trainer.log_every=1", "logger=offline", "report=false",
    ]  # fmt: skip
    grid = ["seed=0,1", "model.d_hidden=4"]
    for study, devices in (("one", "trainer.devices=1"), ("two", "trainer.devices=2")):
        sweep = Sweep([*smooth, *grid, devices, f"study={study}"], tmp_path)
        sweep.wait()
        assert sweep.process.returncode == 0, printed(tmp_path)
        assert sweep.left() == []
    one, two = (load_records(tmp_path / "outputs" / study).runs for study in ("one", "two"))
    assert len(one) == len(two) == 2
    for alone, both in zip(one, two, strict=True):
        assert both.record.seed == alone.record.seed
        assert both.record.config["trainer"]["devices"] == 2
        assert both.record.cost.steps == alone.record.cost.steps
        assert both.record.cost.tokens == alone.record.cost.tokens
        assert both.record.scores.test == pytest.approx(alone.record.scores.test, abs=1e-5)
        rows = [read_metrics(run.folder.metrics) for run in (alone, both)]
        for row, other in zip(*rows, strict=True):
            del row["seconds"], other["seconds"]
            assert other == pytest.approx(row, abs=1e-5)
        assert len(list(both.folder.path.glob("wandb/offline-run-*"))) == 1
