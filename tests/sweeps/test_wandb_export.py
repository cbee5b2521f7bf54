"""W&B sweep definitions: the commands that W&B's agent makes of them are the study's runs."""

from __future__ import annotations

import copy
import itertools
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import Ended

from seqbench.config.compose import compose_job
from seqbench.config.engine import parse_flags
from seqbench.config.job import Job
from seqbench.errors import ConfigError
from seqbench.sweeps.command import run_sweep
from seqbench.sweeps.plan import Plan
from seqbench.sweeps.wandb_export import Definition, value_of, write_definitions

TOYS = [
    *(f"{group}=toy" for group in ("data", "tokenizer", "inputs", "optimizer", "scheduler")),
    "trainer=toy", "callbacks=none", "hydra/launcher=basic",
]  # fmt: skip


@pytest.fixture(autouse=True)
def seqbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command `seqbench`, found by its name."""
    program = tmp_path / "bin" / "seqbench"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m seqbench.cli "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


@pytest.fixture
def argv(toy_dir: Path, tmp_path: Path) -> list[str]:
    """Arguments that every study here begins with."""
    return ["--config-dir", str(toy_dir), *TOYS, f"paths.outputs={tmp_path / 'out'}"]


def commands(document: dict[str, Any]) -> Iterator[list[str]]:
    """What W&B's agent runs for every combination of a grid's values, by W&B's own code."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command

    parameters = document["parameters"]
    for values in itertools.product(*(each["values"] for each in parameters.values())):
        words = create_sweep_command(copy.copy(document["command"]))
        yield expanded(words, dict(zip(parameters, values, strict=True)))


def expanded(words: list[str], values: dict[str, Any]) -> list[str]:
    """The agent's words for these values, which its server may have sent through JSON."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

    made = create_sweep_command_args({"args": {key: {"value": v} for key, v in values.items()}})
    made["env"] = ["/usr/bin/env"]
    found: list[str] = []
    for word in words:
        whole = word.startswith("${") and word.endswith("}")
        found += made[word[2:-1]] if whole else [word]
    return found


def job_of(command: list[str]) -> Job:
    """The run that such a command does."""
    verb = command.index("train")
    by_name, by_module = ["seqbench"], [sys.executable, "-m", "seqbench.cli"]
    assert command[:verb] in [["/usr/bin/env", *words] for words in (by_name, by_module)]
    flags = parse_flags(command[verb + 1 :])
    return compose_job(flags.overrides, config_dirs=[flags.config_dir] if flags.config_dir else [])


def exported(folder: Path) -> list[dict[str, Any]]:
    """The definitions in a study's folder, the grid's first."""
    paths = sorted(folder.glob("wandb_sweep*.yaml"), key=lambda path: (len(path.name), path.name))
    return [yaml.safe_load(path.read_text()) for path in paths]


def planned(argv: list[str]) -> Plan:
    """The sweep's plan."""
    plans: list[Any] = []
    run_sweep(argv, lambda plan: plans.append(plan) or 0)
    assert isinstance(plans[0], Plan)
    return plans[0]


@pytest.mark.parametrize(
    "said",
    [
        ["model=toy,wide", "seed=range(0,3)", "optimizer.lr=1e-4,0.02,1.0"],
        ["experiments=grid", "seed=0,1"],
        ["model=toy", "+trainer.extra.x=[a],[b,c],['1e-3',x]", "tags=['1',x]", "study='null'"],
        ["model=toy,wide", "+trainer.extra.x='a, b: c','{d}',null,'null',true,'1e3'"],
        ["model=glob(*)", "+trainer.extra.limit=1,2", "data.files={train: a.csv},{train: b.csv}"],
        ["model=toy", "seed=3"],
        ["model=toy,wide", "optimizer.betas=[0.9,0.99],[0.8,1.0]", "rerun=stale", "report=false"],
    ],
)
def test_the_agents_commands_are_the_studys_runs(
    said: list[str], argv: list[str], cli: Callable[..., Ended], tmp_path: Path
) -> None:
    plan = planned([*argv, *said, "dry_run=true"])
    ended = cli("sweep", *argv, *said, "export=wandb")
    assert (ended.code, ended.err) == (0, "")
    definitions = exported(plan.jobs[0].folder.parent)
    jobs = [job_of(command) for document in definitions for command in commands(document)]
    assert {job.run_id for job in jobs} == {job.run_id for job in plan.jobs}
    expected = {job.run_id: job for job in plan.jobs}
    for job in jobs:
        theirs = expected[job.run_id]
        assert job.folder == theirs.folder
        for key in set(theirs.config) - {"logger", "choices"}:
            assert job.config[key] == theirs.config[key]
        assert job.config["logger"]["wandb"] is not None  # else W&B would take it for crashed
    assert len(jobs) - plan.num_alike >= 1
    assert len(jobs) == len(plan.jobs) + plan.num_alike


def test_what_the_export_says(
    argv: list[str], cli: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "papers")
    monkeypatch.setenv("WANDB_ENTITY", "we")
    ended = cli("sweep", *argv, "experiments=grid", "seed=0,1", "export=wandb")
    folder = tmp_path / "out" / "grid"
    assert ended.out.splitlines() == [
        f"{folder}/wandb_sweep.yaml: grid, 4 runs",
        f"{folder}/wandb_sweep_2.yaml: grid, 1 run",
        f"wandb sweep {folder}/wandb_sweep.yaml",
        f"wandb sweep {folder}/wandb_sweep_2.yaml",
        "wandb agent SWEEP, with what `wandb sweep` has printed, in this folder, on any machine "
        "that has it",
    ]
    first, _ = exported(folder)
    assert {key: first[key] for key in ("name", "project", "entity", "method", "program")} == {
        "name": "grid", "project": "papers", "entity": "we", "method": "grid",
        "program": "seqbench",
    }  # fmt: skip
    assert first["parameters"] == {
        "model": {"values": ["toy", "wide"]}, "seed": {"values": [0, 1]},
    }  # fmt: skip
    assert not list(folder.glob("*/config.yaml"))  # nothing was run
    again = cli("sweep", *argv, "model=toy,wide", "study=grid", "export=wandb")
    assert again.code == 0
    assert len(exported(folder)) == 1  # the second file was the first export's


def test_an_agents_command_line_trains(
    tiny: list[str], cli: Callable[..., Ended], tmp_path: Path
) -> None:
    """One of them in a process of its own, as the agent starts it; no server is asked."""
    study = ["seed=4,5", "study=sweep", "trainer.max_epochs=1", "tags=[a,'b, c']"]
    quick = [item for item in tiny if not item.startswith("trainer.max_epochs")]
    assert cli("sweep", *quick, *study, "export=wandb").code == 0
    (document,) = exported(tmp_path / "outputs" / "sweep")
    command = list(commands(document))[1]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (record,) = (tmp_path / "outputs" / "sweep").glob("*/record.json")
    assert "-s5-" in record.parent.name
    assert list(record.parent.glob("wandb/offline-run-*"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("0.004", 0.004), ("1e-05", 1e-05), ("true", True), ("False", False),
        ("1.0", "1.0"), ("1e3", "1e3"), ("null", "null"), ("inf", "inf"), ("lstm", "lstm"),
        ("'3'", "'3'"), ("[a,b]", "[a,b]"), ("{a:1}", "{a:1}"), ("'a, b'", "'a, b'"), ("", ""),
    ],
)  # fmt: skip
def test_values_as_wandb_keeps_them(text: str, value: object) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize("silent", ["logger=none", "logger.wandb=null"])
def test_a_logger_is_no_parameter(silent: str, argv: list[str], cli: Callable[..., Ended]) -> None:
    """Behind the other words it would have the last say."""
    assert cli("sweep", *argv, "model=toy", "seed=7", silent, "export=wandb").code == 0
    (document,) = exported(planned([*argv, "model=toy"]).jobs[0].folder.parent)
    assert document["parameters"] == {"seed": {"values": [7]}}
    assert "logger=wandb" in document["command"] and silent not in document["command"]


def test_swept_loggers_are_refused(argv: list[str], cli: Callable[..., Ended]) -> None:
    ended = cli("sweep", *argv, "model=toy", "logger=none,wandb", "export=wandb")
    assert ended.code == 2
    assert ended.err == (
        "seqbench: logger: expected one value: a run that W&B does not hear of it takes for "
        "crashed, got several\n"
    )


def test_a_program_that_is_not_found_by_its_name(
    seqbench: Path, argv: list[str], cli: Callable[..., Ended]
) -> None:
    """As where the sweep is started as `.venv/bin/seqbench`."""
    seqbench.unlink()
    assert cli("sweep", *argv, "model=toy,wide", "export=wandb").code == 0
    (document,) = exported(planned([*argv, "model=toy"]).jobs[0].folder.parent)
    assert document["command"][:5] == ["${env}", sys.executable, "-m", "seqbench.cli", "train"]


def test_a_single_run_is_refused(toy_dir: Path, cli: Callable[..., Ended]) -> None:
    ended = cli("sweep", "--config-dir", str(toy_dir), "export=wandb", "hydra/launcher=basic")
    assert ended.code == 2
    assert "export: expected something to sweep, got a single run" in ended.err


def test_another_programs_sweep_is_refused(argv: list[str], cli: Callable[..., Ended]) -> None:
    ended = cli("sweep", *argv, "model=toy", "export=neptune")
    assert ended.code == 2
    assert "export: expected" in ended.err


def test_the_file_says_what_to_do_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "my study"
    definition = Definition(fixed=(), parameters={"seed": {"values": [1, 2]}})
    (path,) = write_definitions([definition], folder, project="p", entity=None, words=[])
    once, often, *_ = path.read_text().splitlines()
    assert once == f"# Once:                wandb sweep '{path}'"
    assert f"cd {shlex.quote(str(Path.cwd()))} && wandb agent SWEEP" in often


def test_a_value_that_cannot_be_read() -> None:
    with pytest.raises(ConfigError):
        value_of("[1")
