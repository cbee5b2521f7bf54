"""`seqbench publish`: what it would do, and what it refuses; nothing here reaches a server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.report.conftest import store_run
from tests.verbs.wandb_study import make_wandb_study

from seqbench.records.folder import RunFolder
from seqbench.verbs import publish

Cli = Any
SCORES = "the answer, text_classification (table and plots), how to read the numbers"


@pytest.fixture(scope="module")
def made(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wandb_study(tiny, tmp_path_factory.mktemp("made"))


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    """Two runs mirrored offline, one that was not mirrored."""
    return Path(shutil.copytree(made, tmp_path / "study", symlinks=True))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)


@pytest.fixture
def nothing_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_: Any) -> None:
        raise AssertionError("a run was sent")

    monkeypatch.setattr(publish, "send", send)


def wandb_id(folder: Path) -> str:
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    return file.stem.removeprefix("run-")


def tree(folder: Path) -> dict[str, float]:
    return {str(file): file.lstat().st_mtime for file in folder.rglob("*")}


def test_without_credentials_it_says_what_it_would_do(cli: Cli, study: Path) -> None:
    before = tree(study.parent)
    ended = cli("publish", f"runs={study}")
    assert (ended.code, ended.err) == (0, "")
    gru, first, second = sorted(study.iterdir())
    assert ended.out.splitlines() == [
        "dry run: there are no W&B credentials; nothing is sent or written",
        "to <your own entity>/seqbench:",
        f"  {gru.name}: would be synced as {wandb_id(gru)}",
        f"  {first.name}: would be synced as {wandb_id(first)}",
        f"  {second.name}: logger=none",
        "runs: 2 would be synced, 0 are already, 0 were online, 1 have nothing to send",
        f"report: 'Which is better?' would be made in <your own entity>/seqbench: {SCORES}",
        "to send it: `wandb login` (or WANDB_API_KEY), then the same command again",
    ]
    assert tree(study.parent) == before


def test_a_dry_run_that_is_asked_for_sends_nothing(
    cli: Cli, study: Path, credentials: None, nothing_sent: None
) -> None:
    before = tree(study.parent)
    ended = cli("publish", f"runs={study}", "dry_run=true", "project=mine", "entity=us", "title=T")
    lines = ended.out.splitlines()
    assert lines[:2] == ["dry run; nothing is sent or written", "to us/mine:"]
    assert lines[-1] == f"report: 'T' would be made in us/mine: {SCORES}"
    assert tree(study.parent) == before


def test_it_says_why_a_run_has_nothing_to_send(cli: Cli, study: Path) -> None:
    gru, first, second = (RunFolder(path) for path in sorted(study.iterdir()))
    (offline,) = gru.path.glob("wandb/offline-run-*")
    offline.rename(offline.with_name(offline.name.removeprefix("offline-")))
    interrupted, unmirrored = first.read_record(), second.read_record()
    assert interrupted is not None and unmirrored is not None
    first.write_record(replace(interrupted, status="interrupted"))
    config = {**unmirrored.config, "logger": interrupted.config["logger"]}
    second.write_record(replace(unmirrored, config=config))
    failed = RunFolder(Path(shutil.copytree(first.path, study / "failed", symlinks=True)))
    failed.write_record(replace(interrupted, run_id="failed", status="failed"))
    (study / "killed").mkdir()
    (study / "killed" / "config.yaml").write_text("study: things\n")
    said = dict(
        line.strip().split(": ", 1)
        for line in cli("publish", f"runs={study}").out.splitlines()
        if line.startswith("  ")
    )
    assert said[gru.path.name] == "online already"
    assert said[first.path.name] == "interrupted, and can be resumed"
    assert said["failed"] == "failed, and would be trained again"
    assert said[second.path.name] == "it was off, or could not start"
    assert said["killed"].startswith("left out: no record yet")


def test_project_and_entity_are_the_runs_own_or_the_environments(
    cli: Cli, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    monkeypatch.setenv("WANDB_ENTITY", "they")
    assert "to they/theirs:" in cli("publish", f"runs={study}").out.splitlines()
    _say_of_first(study, project="mine", entity="me")
    ended = cli("publish", f"runs={study}")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "seqbench: project: expected runs of one project, got mine, theirs; "
        "project=NAME sends all of them there\n"
    )
    ended = cli("publish", f"runs={study}", "project=all")
    assert ended.err.startswith("seqbench: entity: expected runs of one entity, got me, they; ")
    ended = cli("publish", f"runs={study}", "project=all", "entity=us")
    assert "to us/all:" in ended.out.splitlines()


def _say_of_first(study: Path, **settings: str) -> None:
    folder = RunFolder(min(study.iterdir()))
    plain = json.loads(folder.record.read_text())
    plain["config"]["logger"]["wandb"] |= settings
    folder.record.write_text(json.dumps(plain))


def test_a_long_question_is_cut_to_a_title(cli: Cli, study: Path) -> None:
    question = f"Which {'very ' * 40}good one?"
    for path in study.iterdir():
        plain = json.loads((path / "record.json").read_text())
        plain["config"]["question"] = question
        (path / "record.json").write_text(json.dumps(plain))
    (line,) = [x for x in cli("publish", f"runs={study}").out.splitlines() if x[:7] == "report:"]
    title = line.split("'")[1]
    assert (len(title), title[-1], title[:-1]) == (128, "…", question[:127])
    ended = cli("publish", f"runs={study}", f"title={'a' * 129}")
    assert ended.err == "seqbench: title: expected 1 to 128 characters, got 129 characters\n"


def test_nothing_there(cli: Cli, tmp_path: Path) -> None:
    ended = cli("publish", "runs=nowhere")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("seqbench: nowhere: expected a run folder, or a folder of runs")
    (tmp_path / "empty").mkdir()
    ended = cli("publish", "runs=empty")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("seqbench: empty: expected at least one run, got none; ")


def test_no_run_has_wandb_files(cli: Cli, tmp_path: Path) -> None:
    store_run(tmp_path / "outputs", model="lstm")
    store_run(tmp_path / "outputs", model="gru")
    ended = cli("publish", "runs=outputs")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "seqbench: outputs: expected runs with W&B files, got 2 with 'logger=none'; "
        "train with logger=offline or logger=wandb\n"
    )


def test_no_record_can_be_read(cli: Cli, tmp_path: Path) -> None:
    run = tmp_path / "outputs" / "a"
    run.mkdir(parents=True)
    (run / "record.json").write_text("nonsense")
    ended = cli("publish", "runs=outputs")
    assert ended.code == 2
    assert "got 1 left out (outputs/a/record.json: expected a record in JSON" in ended.err


def test_wrong_settings_are_told_at_once(cli: Cli) -> None:
    ended = cli("publish", "projct=a", "dry_run=perhaps")
    assert ended.code == 2
    keys = [line.split(":")[1].strip() for line in ended.err.splitlines()]
    assert sorted(keys) == ["dry_run", "projct", "runs"]


def test_wandb_workspaces_is_missing(
    cli: Cli,
    study: Path,
    credentials: None,
    nothing_sent: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("wandb_workspaces.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "seqbench.verbs.publish_report", raising=False)
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    ended = cli("publish", f"runs={study}")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("seqbench: wandb-workspaces: expected it to be installed, got ")
    assert ended.err.endswith("; pip install 'seqbench[publish]'\n")
    ended = cli("publish", f"runs={study}", "dry_run=true")
    assert ended.code == 0
    missing = "it needs wandb-workspaces, which is missing: pip install 'seqbench[publish]'"
    assert ended.out.splitlines()[-1] == f"report: {missing}"


def test_who_is_not_let_in_sends_nothing(
    cli: Cli,
    study: Path,
    credentials: None,
    nothing_sent: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import wandb

    def refuse() -> None:
        raise wandb.errors.AuthenticationError("invalid key\nand more")

    monkeypatch.setattr(wandb, "Api", refuse)
    ended = cli("publish", f"runs={study}")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "seqbench: W&B: expected to be let in, got invalid key; nothing was sent; "
        "see `wandb login`, WANDB_API_KEY and WANDB_BASE_URL\n"
    )


def test_an_account_without_an_entity_has_to_name_one(
    cli: Cli,
    study: Path,
    credentials: None,
    nothing_sent: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import wandb

    class Api:
        default_entity = None

    monkeypatch.setattr(wandb, "Api", Api)
    ended = cli("publish", f"runs={study}")
    assert ended.code == 2
    assert ended.err.startswith("seqbench: entity: expected a W&B user or team, got null")


def test_nothing_heavy_is_imported_for_a_dry_run(study: Path) -> None:
    program = (
        "import sys; from seqbench.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "assert not {'torch', 'wandb', 'wandb_workspaces'} & set(sys.modules)\n"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "publish", f"runs={study}", "dry_run=true"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
