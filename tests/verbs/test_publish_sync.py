"""How offline runs are sent: once each, one whatever becomes of another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.verbs.fake_wandb import fake_wandb
from tests.verbs.wandb_study import make_wandb_study

from seqbench.verbs import publish_report, publish_sync
from seqbench.verbs.publish_sync import Mirror, Target, send

Cli = Any
Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def made(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wandb_study(tiny, tmp_path_factory.mktemp("made"))


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    """Two runs mirrored offline, one that was not mirrored."""
    return Path(shutil.copytree(made, tmp_path / "study", symlinks=True))


class Wandb:
    """In place of `python -m wandb`.

    Attributes:
        failing: substrings of run folders that cannot be sent.
        commands: what was run.
        environments: in which environment.
    """

    def __init__(self) -> None:
        self.failing: tuple[str, ...] = ()
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []

    def run(self, command: list[str], *, env: dict[str, str], **_: Any) -> Ran:
        self.commands.append(command)
        self.environments.append(env)
        folder = Path(command[-1])
        if any(part in folder.name for part in self.failing):
            lines = ["wandb: Syncing 1 run(s):", "wandb: ERROR quota exceeded", "and more"]
            return subprocess.CompletedProcess(command, 0, "\n".join(lines))
        (file,) = folder.glob("*.wandb")
        file.with_name(f"{file.name}.synced").touch()
        return subprocess.CompletedProcess(command, 0, "wandb: Finished syncing\n")


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Wandb:
    """Credentials, an account, a command that sends and a server that takes reports."""
    fake = Wandb()
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setattr(publish_sync.subprocess, "run", fake.run)
    monkeypatch.setattr("wandb.Api", lambda: type("Api", (), {"default_entity": "me"}))
    monkeypatch.setattr(publish_report, "save", lambda report: f"there/{report.project}")
    return fake


def folders(study: Path) -> list[Path]:
    return sorted(study.glob("*/wandb/offline-run-*"))


def test_every_offline_run_is_sent_once(
    cli: Cli, study: Path, wandb: Wandb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SERVICE", "somebody else's")
    ended = cli("publish", f"runs={study}")
    assert (ended.code, ended.err) == (0, "")
    gru, lstm = folders(study)
    sync = [sys.executable, "-m", "wandb", "sync", "--project", "seqbench", "--entity", "me"]
    assert wandb.commands == [[*sync, str(gru)], [*sync, str(lstm)]]
    for environment, folder in zip(wandb.environments, (gru, lstm), strict=True):
        assert environment["WANDB_DIR"] == str(folder.parents[1])
        assert "WANDB_SERVICE" not in environment
    lines = ended.out.splitlines()
    assert lines[0] == "to me/seqbench:"
    assert lines[1].startswith(f"  {gru.parents[1].name}: synced as {gru.parents[1].name}-")
    assert lines[-3].endswith(": logger=none")
    assert lines[-2:] == [
        "runs: 2 synced, 0 failed, 0 synced before",
        "report: there/seqbench",
    ]
    again = cli("publish", f"runs={study}")
    assert (again.code, len(wandb.commands)) == (0, 2)
    assert f"  {gru.parents[1].name}: synced already to me/seqbench" in again.out.splitlines()
    assert again.out.splitlines()[-2] == "runs: 0 synced, 0 failed, 2 synced before"


def test_another_target_gets_them_too(cli: Cli, study: Path, wandb: Wandb) -> None:
    gru, lstm = folders(study)

    def published(*options: str) -> list[str]:
        wandb.commands.clear()
        ended = cli("publish", f"runs={study}", *options)
        assert (ended.code, ended.err) == (0, "")
        return [command[-1] for command in wandb.commands]

    assert published("project=a") == [str(gru), str(lstm)]
    dry = cli("publish", f"runs={study}", "project=b", "dry_run=true").out.splitlines()
    assert dry[-2].startswith("runs: 2 would be synced, 0 are already")
    assert published("project=b") == [str(gru), str(lstm)]
    assert published("project=b", "entity=us") == [str(gru), str(lstm)]
    for options in (["project=a"], ["project=b"], ["project=b", "entity=us"]):
        assert published(*options) == []


def test_no_report_where_runs_are_elsewhere(cli: Cli, study: Path, wandb: Wandb) -> None:
    gru, lstm = folders(study)
    assert cli("publish", f"runs={study}", "project=a").code == 0
    wandb.failing = ("run",)
    ended = cli("publish", f"runs={study}", "project=b")
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == "seqbench: report: not made: no run is in me/b"
    assert "report:" not in ended.out
    name = gru.parents[1].name
    for project in ("a", "b"):
        told = cli("publish", f"runs={study}", f"project={project}", "dry_run=true").out
        assert (f"  {name}: synced already to me/a" in told.splitlines()) == (project == "a")
    for folder in (gru, lstm):
        folder.rename(folder.with_name(folder.name.removeprefix("offline-")))
    ended = cli("publish", f"runs={study}", "project=b")
    assert (ended.code, f"  {name}: online, in me/seqbench" in ended.out) == (1, True)
    ended = cli("publish", f"runs={study}", "entity=us")
    assert (ended.code, f"  {name}: online, in me/seqbench" in ended.out) == (1, True)
    assert cli("publish", f"runs={study}").out.splitlines()[-1] == "report: there/seqbench"


def test_what_was_sent_by_hand_is_not_sent_again(cli: Cli, study: Path, wandb: Wandb) -> None:
    for folder in folders(study):
        (file,) = folder.glob("*.wandb")
        file.with_name(f"{file.name}.synced").touch()
    ended = cli("publish", f"runs={study}")
    assert (ended.code, wandb.commands) == (0, [])
    line = f"  {folders(study)[0].parents[1].name}: synced already, by other means: where to is "
    assert line + "not known" in ended.out.splitlines()


def test_one_that_does_not_answer(
    cli: Cli, study: Path, wandb: Wandb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], *, timeout: float, **_: Any) -> Ran:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(publish_sync.subprocess, "run", run)
    ended = cli("publish", f"runs={study}")
    assert ended.code == 1
    name = folders(study)[0].parents[1].name
    assert ended.out.splitlines()[1] == f"  {name}: not synced"
    assert ended.err.splitlines()[0] == f"seqbench: {name}: not synced: no answer in 1800 s"


def test_one_that_fails_keeps_no_other_back(cli: Cli, study: Path, wandb: Wandb) -> None:
    gru, lstm = folders(study)
    wandb.failing = (gru.name,)
    ended = cli("publish", f"runs={study}", "project=mine", "entity=us")
    assert ended.code == 1
    name = gru.parents[1].name
    assert ended.err == f"seqbench: {name}: not synced: quota exceeded\n"
    assert [command[-1] for command in wandb.commands] == [str(gru), str(lstm)]
    assert ended.out.splitlines()[-2:] == [
        "runs: 1 synced, 1 failed, 0 synced before",
        "report: there/mine",
    ]
    wandb.failing = ()
    assert cli("publish", f"runs={study}", "project=mine", "entity=us").code == 0
    assert [command[-1] for command in wandb.commands[2:]] == [str(gru)]


def test_no_report_of_runs_that_are_not_there(cli: Cli, study: Path, wandb: Wandb) -> None:
    wandb.failing = ("run",)
    ended = cli("publish", f"runs={study}")
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == "seqbench: report: not made: no run is in me/seqbench"
    assert "report:" not in ended.out


def test_a_report_that_is_refused(
    cli: Cli, study: Path, wandb: Wandb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> str:
        raise ValueError("no such project\nand more")

    monkeypatch.setattr(publish_report, "save", refuse)
    ended = cli("publish", f"runs={study}")
    assert ended.code == 2
    assert ended.err == (
        "seqbench: report: expected W&B to take it, got no such project; the same command again\n"
    )


@pytest.mark.parametrize(
    ("code", "printed", "reason"),
    [
        (0, "wandb: Syncing\nwandb: ERROR invalid key\nwandb: more\n", "invalid key"),
        (1, "wandb: x\nError: No API key configured.\n", "No API key configured. (exit code 1)"),
        (1, "panic: nil pointer\ngoroutine 47\n\n", "nil pointer (exit code 1)"),
        (-9, "wandb: Syncing 1 run(s):\n", "Syncing 1 run(s): (exit code -9)"),
        (0, "\n", "it said nothing"),
        (
            0,
            "wandb: [p/a] Fatal error while uploading data. No.\nwandb: [p/a] Finished\n",
            "Fatal error while uploading data. No.",
        ),
    ],
)
def test_the_reason_is_what_wandb_said(
    code: int, printed: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: Any) -> Ran:
        return subprocess.CompletedProcess(command, code, printed)

    monkeypatch.setattr(publish_sync.subprocess, "run", run)
    file = tmp_path / "wandb" / "offline-run-1-a" / "run-a.wandb"
    mirror = Mirror(run_id="a", state="offline", file=file)
    assert send(mirror, Target(project="p", entity=None)) == reason


@pytest.mark.full
def test_wandb_itself_against_a_server(study: Path, tmp_path: Path) -> None:
    """The real command, its marker and the real report, as a server would get them."""
    with fake_wandb() as server:
        environment = {**os.environ, "WANDB_API_KEY": "x" * 40, "WANDB_BASE_URL": server.url}

        def seqbench_publish() -> Ran:
            command = [sys.executable, "-m", "seqbench.cli", "publish", f"runs={study}"]
            return subprocess.run(
                command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
            )

        gru, lstm = (next(folder.glob("*.wandb")).stem[4:] for folder in folders(study))
        server.refused = (lstm,)
        ended = seqbench_publish()
        assert ended.returncode == 1, ended.stderr
        assert ended.stderr.splitlines()[-1].endswith("not synced: permission denied")
        assert set(server.runs) == {f"me/seqbench/{gru}"}
        _same_history(server.history, study, [gru])
        server.refused = ()
        ended = seqbench_publish()
        assert ended.returncode == 0, ended.stderr
        assert set(server.runs) == {f"me/seqbench/{gru}", f"me/seqbench/{lstm}"}
        _same_history(server.history, study, [gru, lstm])
        assert server.unknown == []
        assert [report["displayName"] for report in server.reports] == ["Which is better?"] * 2
        blocks = json.loads(server.reports[-1]["spec"])["blocks"]
        assert "panel-grid" in [block["type"] for block in blocks]
        address = f"report: {server.url}/me/seqbench/reports/Which-is-better--view"
        assert ended.stdout.splitlines()[-1] == address
        assert [file.name for file in tmp_path.iterdir()] == ["study"]


@pytest.mark.full
def test_history_that_the_server_does_not_take(study: Path, tmp_path: Path) -> None:
    with fake_wandb() as server:
        environment = {**os.environ, "WANDB_API_KEY": "x" * 40, "WANDB_BASE_URL": server.url}
        server.stream_status = 403  # after a 5xx it tries again, for hours
        gru, lstm = folders(study)
        shutil.rmtree(lstm.parents[1])
        command = [sys.executable, "-m", "seqbench.cli", "publish", f"runs={study}"]
        ended = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 1
        said, report = ended.stderr.splitlines()[-2:]
        assert "not synced: Fatal error while uploading data. Some run data will not be" in said
        assert report == "seqbench: report: not made: no run is in me/seqbench"
        assert (server.reports, list(gru.glob("*.synced"))) == ([], [])
        server.stream_status = 200
        subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True)
        wandb_id = next(gru.glob("*.wandb")).stem.removeprefix("run-")
        _same_history(server.history, study, [wandb_id])


def _same_history(sent: dict[str, int], study: Path, ids: list[str]) -> None:
    """As many lines as the transaction logs have, each once."""
    assert sent == {each: _count(study, each) for each in ids}


def _count(study: Path, wandb_id: str) -> int:
    (file,) = study.glob(f"*/wandb/offline-run-*/run-{wandb_id}.wandb")
    command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return sum(json.loads(line)["type"] == "history" for line in lines)
