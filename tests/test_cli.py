"""The command itself, in processes of its own: what it prints, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seqbench import cli
from seqbench.errors import ConfigError, ConfigErrors, Stopped

SOURCE = Path(cli.__file__).parents[1]


def seqbench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`seqbench …` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "seqbench.cli", *arguments],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_verb(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 0
    printed = capsys.readouterr().out
    for verb, (_, line) in cli.VERBS.items():
        assert f"  {verb} " in printed
        assert line in printed


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from seqbench.cli import main; main(['--help'])\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'yaml', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "PYTHONPATH": str(SOURCE)})  # fmt: skip


@pytest.mark.parametrize("verb", cli.VERBS)
def test_help_of_a_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--help"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"seqbench {verb}: {cli.VERBS[verb][1]}\n")
    assert f"  seqbench {verb} " in printed


def test_help_of_train_lists_groups_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["train", "--help"])
    printed = capsys.readouterr().out
    assert "*lstm" in printed
    assert "baseline/majority" in printed
    assert "  seed=0" in printed


def test_a_wrong_verb() -> None:
    ended = seqbench("trian", "model=lstm")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "seqbench: verb: expected one of train, sweep, evaluate, predict, report, benchmark, "
        "publish, got trian; did you mean train?\n"
    )


def test_mistakes_are_lines_on_stderr() -> None:
    ended = seqbench("report", "rns=x", "uot=[pdf]")
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert all(line.startswith("seqbench: ") for line in lines)
    assert [line.split(":")[1].strip() for line in lines] == ["runs", "rns", "uot"]


def test_debug_shows_the_traceback() -> None:
    ended = seqbench("trian", SEQBENCH_DEBUG="1")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m seqbench.cli train --help | true"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert ended.returncode in (0, 141)
    assert ended.stderr == ""


def verb_that(monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> list[list[str]]:
    """Puts a verb in place of `train` and `sweep` that raises; returns what it was called with."""
    called: list[list[str]] = []

    def main(argv: list[str]) -> int:
        called.append(argv)
        if error is not None:
            raise error
        return 7

    monkeypatch.setattr(cli, "import_module", lambda name: type("Verb", (), {"main": main}))
    return called


def test_the_verbs_exit_code_is_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    called = verb_that(monkeypatch, None)
    assert cli.main(["train", "model=gru"]) == 7
    assert called == [["model=gru"]]
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


@pytest.mark.parametrize("flag", ["-m", "--multirun"])
def test_multirun_means_sweep(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    modules: list[str] = []
    verb = type("Verb", (), {"main": staticmethod(lambda argv: len(argv))})
    monkeypatch.setattr(cli, "import_module", lambda name: modules.append(name) or verb)
    assert cli.main(["train", flag, "seed=0,1"]) == 1
    assert modules == ["seqbench.verbs.sweep"]


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (ConfigErrors([ConfigError("a"), ConfigError("b")]), 2, "seqbench: a\nseqbench: b\n"),
        (KeyboardInterrupt(), 130, "seqbench: interrupted\n"),
        (Stopped(signal.SIGTERM), 143, "seqbench: interrupted by SIGTERM\n"),
        (Stopped(signal.SIGUSR1), 138, "seqbench: interrupted by SIGUSR1\n"),
    ],
)
def test_how_errors_end(
    error: BaseException, code: int, printed: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    verb_that(monkeypatch, error)
    assert cli.main(["train"]) == code
    assert capsys.readouterr().err == printed


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    verb_that(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(["train"])


def test_a_users_own_modules_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    verb_that(monkeypatch, None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    cli.main(["train"])
    assert sys.path[-1] == str(tmp_path)
