"""What W&B is told, and that a run does without it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.config.compose import compose_job
from seqbench.errors import TrainingError
from seqbench.records.folder import RunFolder
from seqbench.training import wandb_mirror
from seqbench.training.execute import execute
from seqbench.training.wandb_mirror import WandbMirror
from seqbench.training.wandb_settings import WandbSettings, has_credentials

MIRRORED = ["logger=wandb", "tags=[mine]", "study=things"]


def log_of(folder: Path) -> Path:
    """The one transaction log below a run folder."""
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    return file


def inspected(file: Path, *options: str) -> str:
    """What W&B's own tool says of it."""
    wandb = Path(sys.executable).with_name("wandb")
    command = [str(wandb), "leet", "inspect", *options, "--json", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def records(file: Path, kind: str) -> list[dict[str, Any]]:
    """The records of one type in a transaction log."""
    found = [json.loads(line) for line in inspected(file).splitlines()]
    return [record[kind] for record in found if record["type"] == kind]


def exit_code(file: Path) -> int:
    return int(json.loads(inspected(file, "--summary"))["exit_code"])


@pytest.mark.parametrize(
    ("mode", "environment", "resolved"),
    [
        ("auto", {}, "offline"),
        ("auto", {"WANDB_API_KEY": "x" * 40}, "online"),
        ("auto", {"WANDB_MODE": "offline", "WANDB_API_KEY": "x" * 40}, "offline"),
        ("auto", {"WANDB_MODE": "dryrun"}, "offline"),
        ("auto", {"WANDB_MODE": "disabled"}, "disabled"),
        ("auto", {"WANDB_MODE": "ONLINE"}, "online"),
        ("auto", {"WANDB_MODE": "nonsense"}, "offline"),
        ("offline", {"WANDB_MODE": "online"}, "offline"),
        ("online", {"WANDB_MODE": "offline"}, "online"),
    ],
)
def test_the_mode(
    mode: Any, environment: dict[str, str], resolved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_MODE")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert WandbSettings(mode=mode).resolved_mode() == resolved


def test_credentials_in_a_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE")
    file = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "none"))
    for host, mode in (
        ("api.wandb.ai", "online"),
        ("api.forge.coreweave.com", "online"),
        ("elsewhere.example", "offline"),
    ):
        file.write_text(f"machine {host}\n login user\n password {'x' * 40}\n")
        file.chmod(0o600)
        assert WandbSettings().resolved_mode() == mode
    monkeypatch.setenv("WANDB_BASE_URL", "https://elsewhere.example")
    assert WandbSettings().resolved_mode() == "online"
    file.write_text("nonsense")
    assert WandbSettings().resolved_mode() == "offline"


@pytest.mark.parametrize("host", [None, "http://localhost:8080", "https://wandb.example"])
@pytest.mark.parametrize("config_dir", [None, "wandb's"])
def test_after_wandb_login_there_are_credentials(
    host: str | None, config_dir: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("NETRC", "WANDB_BASE_URL", "WANDB_CONFIG_DIR", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    if config_dir is not None:
        monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / config_dir))
    assert not has_credentials()
    command = [str(Path(sys.executable).with_name("wandb")), "login", "--no-verify", "x" * 40]
    where = [] if host is None else ["--host", host]
    subprocess.run([*command, *where], check=True, capture_output=True, cwd=tmp_path)
    assert has_credentials()
    assert WandbSettings().resolved_mode() == "online"
    monkeypatch.setenv("WANDB_BASE_URL", "https://another.example")
    assert not has_credentials()


def test_it_is_said_where_runs_are_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    said = WandbSettings().announcement
    assert said() == "W&B: offline, in each run's folder"
    monkeypatch.delenv("WANDB_MODE")
    assert said() == (
        "W&B: offline, in each run's folder (no credentials; `wandb login` makes it online)"
    )
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert said() == "W&B: off (WANDB_MODE=disabled)"
    assert WandbSettings(mode="online").announcement() == "W&B: online, project seqbench"
    monkeypatch.setenv("WANDB_PROJECT", "other")
    assert WandbSettings(mode="online").announcement() == "W&B: online, project other"
    mine = WandbSettings(mode="online", project="mine")
    assert mine.announcement() == "W&B: online, project mine"


def test_a_completed_run(make_job: Any) -> None:
    job = make_job(*MIRRORED)
    record = execute(job).record
    summary = json.loads(inspected(log_of(job.folder), "--summary"))
    run = records(log_of(job.folder), "run")[0]
    assert (run["display_name"], run["run_group"], run["job_type"], run["project"]) == (
        job.run_id, "things", "classification", "seqbench",
    )  # fmt: skip
    assert set(run["tags"]) == {"mine", "text_classification", "lstm"}
    assert (summary["state"], summary["exit_code"]) == ("finished", 0)
    assert summary["config"]["model"]["d_hidden"] == 5
    assert summary["config"]["run_id"] == job.run_id
    metrics = summary["summary"]
    assert metrics["best/epoch"] == record.scores.best_epoch
    for name, value in record.scores.test.items():
        assert metrics[f"test/{name}"] == value
    for name, value in record.scores.validation.items():
        assert metrics[f"best/validation/{name}"] == value
    assert metrics["cost/steps"] == 10
    assert metrics["cost/flops"] == record.cost.flops
    assert metrics["cost/state_bytes"] == record.cost.state_bytes == 2 * 5 * 4
    assert metrics["trainer/global_step"] == 10
    assert (metrics["train/loss"], metrics["validation/loss"]) != (None, None)
    tables = {file.name.split("_")[0]: file for file in job.folder.glob("wandb/**/*.table.json")}
    assert set(tables) == {"confusion", "examples"}
    counts = json.loads(tables["confusion"].read_text())
    assert counts["columns"] == ["true", "predicted", "count"]
    assert sum(row[2] for row in counts["data"]) == 13
    examples = json.loads(tables["examples"].read_text())
    assert examples["columns"] == ["text", "true", "predicted", "confidence"]
    assert len(examples["data"]) == 13
    # What an offline run's tables are made of lies beside it, whatever ran here before.
    assert list(job.folder.glob("wandb/artifacts/staging/*"))


def test_a_language_model_shows_its_samples(tiny_text: list[str], tmp_path: Path) -> None:
    job = compose_job([*tiny_text, *MIRRORED, f"paths.outputs={tmp_path / 'out'}"])
    record = execute(job).record
    (file,) = job.folder.glob("wandb/**/*.table.json")
    table = json.loads(file.read_text())
    assert table["columns"][:4] == ["temperature", "prompt", "text", "tokens"]
    assert len(table["data"]) == 8  # two texts at each of four temperatures
    assert [row[2] for row in table["data"][:2]] == record.scores.samples[0].texts
    metrics = json.loads(inspected(log_of(job.folder), "--summary"))["summary"]
    assert metrics["test/perplexity"] == record.scores.test["perplexity"]


def test_a_failed_run_is_one_there_too(make_job: Any) -> None:
    job = make_job(*MIRRORED, "optimizer=sgd", "optimizer.lr=1e38", "trainer.clip_norm=null")
    with pytest.raises(TrainingError):
        execute(job)
    assert exit_code(log_of(job.folder)) == 1


def test_an_interrupted_run_is_one_there_too(make_job: Any, in_third_step: Any) -> None:
    def ctrl_c() -> None:
        raise KeyboardInterrupt

    in_third_step(ctrl_c)
    job = make_job(*MIRRORED)
    with pytest.raises(KeyboardInterrupt):
        execute(job)
    assert exit_code(log_of(job.folder)) == 130


def test_disabled_leaves_no_trace(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    job = make_job(*MIRRORED, "trainer.max_epochs=1")
    assert execute(job).record.status == "completed"
    assert not (job.folder / "wandb").exists()


class DeadRun:
    """A W&B run whose process is gone: whatever it is asked raises."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._gone(name)

    def _gone(self, name: str) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            self.asked.append(name)
            raise BrokenPipeError("the service process is gone\nand more")

        return ask


def test_when_wandb_dies_training_goes_on_after_one_warning(
    make_job: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = DeadRun()
    monkeypatch.setattr("seqbench.training.tries.start_mirror", lambda *_, **__: WandbMirror(run))
    job = make_job(*MIRRORED)
    done = execute(job)
    assert done.record.status == "completed"
    assert run.asked == ["log"]
    warning = "W&B failed (the service process is gone): training goes on without it"
    assert capsys.readouterr().err.count(warning) == 1
    assert (job.folder / "log.txt").read_text().count(warning) == 1


def test_wandb_that_never_ends_is_left(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setattr(wandb_mirror, "FAREWELL_SECONDS", 0.1)
    never = threading.Event()
    monkeypatch.setattr(wandb, "teardown", never.wait)
    mirror = WandbMirror(DeadRun())
    monkeypatch.setattr("seqbench.training.tries.start_mirror", lambda *_, **__: mirror)
    try:
        assert execute(make_job(*MIRRORED)).record.status == "completed"
    finally:
        never.set()


def test_when_wandb_cannot_start_the_run_does(
    make_job: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb

    modes: list[str] = []

    def no_start(*, mode: str, **_: Any) -> Any:
        modes.append(mode)
        raise RuntimeError("nobody there")

    monkeypatch.setattr(wandb, "init", no_start)
    monkeypatch.setattr(wandb_mirror, "reachable", lambda url: True)
    with caplog.at_level(logging.WARNING):
        assert execute(make_job(*MIRRORED)).record.status == "completed"
        online = make_job(*MIRRORED, "logger.wandb.mode=online", "force=true")
        assert execute(online).record.status == "completed"
    assert modes == ["offline", "online", "offline"]
    assert [line.message for line in caplog.records if "W&B" in line.message] == [
        "W&B could not start (nobody there): this run is not mirrored",
        "W&B is not reachable (nobody there): mirrored offline instead",
        "W&B could not start (nobody there): this run is not mirrored",
    ]


def test_what_was_mirrored_before_is_dropped_where_online_falls_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    partial = tmp_path / "wandb" / "offline-run-before"
    partial.mkdir(parents=True)
    there: dict[str, bool] = {}

    def note(*, mode: str, **_: Any) -> Any:
        there[mode] = partial.exists()
        raise RuntimeError

    monkeypatch.setattr(wandb, "init", note)
    monkeypatch.setattr(wandb_mirror, "reachable", lambda url: True)
    wandb_mirror.start_mirror(
        WandbSettings(mode="online"),
        run_id="a-run",
        study="a",
        task="t",
        tags=[],
        config={},
        path=tmp_path,
    )
    assert there == {"online": True, "offline": False}


def test_every_run_stages_beside_itself_unless_the_user_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb_mirror, "_staging", None)
    monkeypatch.setenv("WANDB_DATA_DIR", "")
    monkeypatch.delenv("WANDB_DATA_DIR")
    for name in ("first", "second"):
        wandb_mirror._stage_beside(tmp_path / name)
        assert os.environ["WANDB_DATA_DIR"] == str(tmp_path / name / "wandb")
    monkeypatch.setenv("WANDB_DATA_DIR", "/mine")
    wandb_mirror._stage_beside(tmp_path / "third")
    assert os.environ["WANDB_DATA_DIR"] == "/mine"


def test_an_id_is_of_one_run_of_one_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    ids: list[str] = []

    def note(*, id: str, **_: Any) -> Any:
        ids.append(id)
        raise RuntimeError

    monkeypatch.setattr(wandb, "init", note)
    for study in ("a", "a", "b"):
        wandb_mirror.start_mirror(
            WandbSettings(mode="offline"),
            run_id="imdb-lstm-s0-1",
            study=study,
            task="t",
            tags=[],
            config={},
            path=tmp_path,
        )
    assert ids[0] == ids[1] != ids[2]
    assert all(entry.startswith("imdb-lstm-s0-1-") for entry in ids)


def test_a_record_is_the_same_with_and_without_wandb(make_job: Any, tmp_path: Path) -> None:
    with_it = execute(make_job("logger=wandb")).record
    shutil.rmtree(tmp_path / "out")
    without = execute(make_job()).record
    assert with_it.scores == without.scores
    assert with_it.run_id == without.run_id
    assert RunFolder(make_job().folder).read_record() == without
