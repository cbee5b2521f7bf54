"""What a user can get wrong: one line that says what to do, exit code 2, nothing left behind."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.records.folder import RunFolder

Cli = Any


@pytest.fixture
def refused(cli: Cli, tmp_path: Path) -> Callable[..., str]:
    """Runs a command that must be refused; gives the one line that says why."""

    def run(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        ended = cli(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert re.fullmatch(r"seqbench: [^\n]+\n", ended.err), ended.err
        assert sorted(tmp_path.rglob("*")) == before
        return str(ended.err).removeprefix("seqbench: ").rstrip("\n")

    return run


def train_on(tiny: list[str], **files: str) -> list[str]:
    """The arguments of a small training on other files."""
    others = [item for item in tiny if item.partition("=")[0].rpartition(".")[2] not in files]
    return ["train", *others, *(f"data.files.{split}={name}" for split, name in files.items())]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "file x.csv: expected a file, got nothing there"),
        (b"", "file x.csv: expected examples, got an empty file"),
        (b"text,label\n", "file x.csv: expected at least one example, got none"),
        (
            b"review,label\na,good\n",
            "file x.csv: expected a column 'text', got the columns 'review', 'label'; "
            "set data.text_column and data.label_column",
        ),
        (
            b"text,label\ncaf\xe9,good\nb,bad\n",
            "file x.csv: expected utf-8 text, got byte 0xe9 at offset 14, line 2; say which "
            "encoding it has (data.encoding=cp1252 or latin-1), or save it as UTF-8",
        ),
        (
            b"text,label\na,good\nb,good\n",
            "file x.csv, column label: expected at least 2 classes, got only 'good'",
        ),
    ],
)
def test_a_training_file(
    content: bytes | None, line: str, refused: Any, tiny: list[str], tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "x.csv").write_bytes(content)
    assert refused(*train_on(tiny, train="x.csv")) == line


@pytest.mark.parametrize(
    ("content", "override", "line"),
    [
        (None, "", "file x.txt: expected a file, got nothing there"),
        (b"", "", "file x.txt: expected examples, got an empty file"),
        (
            b"caf\xe9 " * 90, "",
            "file x.txt: expected utf-8 text, got byte 0xe9 at offset 3, line 1; say which "
            "encoding it has (data.source.encoding=cp1252 or latin-1), or save it as UTF-8",
        ),
        (b"a", "", "split validation: expected some text, got none; the text is too short to"),
        (
            b"a short text\n" * 9, "data.window=120",
            "data.window: expected at most 104, since the training text has 105 tokens, got 120; "
            "lower it, or give more text",
        ),
        (b"some text\n" * 90, "data.window=0", "data.window: expected an integer >= 1, got 0"),
    ],
)  # fmt: skip
def test_a_text(
    content: bytes | None, override: str, line: str, refused: Any, tiny_text: list[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    if content is not None:
        (tmp_path / "x.txt").write_bytes(content)
    own = [item for item in tiny_text if not item.startswith("data.source")]
    said = refused("train", *own, "data.source.train=x.txt", *([override] if override else []))
    assert said.startswith(line)


def test_a_label_unseen_in_training(refused: Any, tiny: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\na film,good\nodd,goood\n")
    assert refused(*train_on(tiny, test="x.csv")) == (
        "file x.csv, label of example 2: expected one of the training classes 'bad', 'good', "
        "got 'goood'; did you mean 'good'?"
    )


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("model=lsmt", r"model: expected one of .*, got lsmt; did you mean model=lstm\?"),
        ("optimizer.lr=nan", r"optimizer\.lr: expected a number > 0, got nan"),
        (
            "trainer.extra={max_stepz: 3}",
            r"trainer\.extra\.max_stepz: .*trainer\.extra\.max_steps\?",
        ),
    ],
)
def test_a_setting(override: str, line: str, refused: Any, tiny: list[str]) -> None:
    assert re.fullmatch(line, refused("train", *tiny, override))


def test_outputs_that_cannot_be_written(refused: Any, tiny: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert re.fullmatch(
        r"file/default/text_classification-lstm-s0-\w{8}: expected a place that can be written to, "
        r"got Not a directory; choose another folder for outputs with paths\.outputs=DIR",
        refused("train", *tiny, "paths.outputs=file"),
    )


def test_a_hub_dataset_that_is_nowhere(
    refused: Any, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    others = [item for item in tiny if not item.startswith("data")]
    line = refused("train", "data=sst2", f"paths.datasets={tmp_path / 'mirror'}", *others)
    assert line.startswith(
        "dataset stanfordnlp/sst2: expected it in the mirror, in the hub's cache"
    )
    assert str(tmp_path / "mirror" / "stanfordnlp" / "sst2") in line
    assert "SEQBENCH_DATASETS" in line


@pytest.mark.parametrize("verb", [["evaluate"], ["predict", "text=a"]])
def test_a_run_that_is_not_there(verb: list[str], refused: Any, tmp_path: Path) -> None:
    wanted = "expected the folder of a completed run, outputs/<study>/<run_id>"
    line = refused(*verb, "run=nowhere")
    assert line == f"run nowhere: {wanted}, got no such folder; train it first"
    (tmp_path / "empty").mkdir()
    line = refused(*verb, "run=empty")
    assert line == f"run empty: {wanted}, got no record.json; train it first"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "file texts.txt: expected a text file in UTF-8, got "),
        (b"", "file texts.txt: expected one text a line, got an empty file"),
        (b"caf\xe9\n", "file texts.txt: expected a text file in UTF-8, got 'utf-8' codec can't"),
    ],
)
def test_a_file_to_predict(
    content: bytes | None, line: str, refused: Any, network_run: Path, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "texts.txt").write_bytes(content)
    assert refused("predict", f"run={network_run}", "file=texts.txt").startswith(line)


def test_an_empty_text_is_kept_as_one_unknown_token(
    cli: Cli, tiny: list[str], reviews: Path, tmp_path: Path
) -> None:
    rows = (reviews / "train.csv").read_text() + ",good\n"
    (tmp_path / "x.csv").write_text(rows)
    ended = cli(*train_on(tiny, train="x.csv"), "trainer.max_epochs=1")
    assert ended.code == 0
    record = _record()
    texts = [line.split(",")[0] for line in rows.splitlines()[1:]]
    assert record.cost.tokens == sum(max(1, len(text.split())) for text in texts)


def test_a_text_of_100_000_tokens_is_cut_and_that_is_noted(
    cli: Cli, tiny: list[str], reviews: Path, tmp_path: Path
) -> None:
    rows = (reviews / "train.csv").read_text() + "fine " * 100_000 + ",good\n"
    (tmp_path / "x.csv").write_text(rows)
    ended = cli(*train_on(tiny, train="x.csv"), "trainer.max_epochs=1")
    assert ended.code == 0
    (log,) = Path("outputs").rglob("log.txt")
    assert "data: train: 1 texts cut to their first 256 tokens" in log.read_text()


def _record() -> Any:
    (record,) = Path("outputs").rglob("record.json")
    return RunFolder(record.parent).read_record()


def test_in_a_process_of_its_own_too_it_is_one_line(tiny: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seqbench.cli", *train_on(tiny, train="x.csv")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "seqbench: file x.csv: expected a file, got nothing there\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["seed=range(0,0)"], "seed: expected values to sweep, got none in range(0,0)"),
        (
            ["seed=0,1", "model.width=3"],
            "model.width: expected one of LSTM's keys (bidirectional, d_hidden, dropout, "
            "locked_dropout, num_layers, weight_drop), got 3",
        ),
        (
            ["trainer.accelerator=auto", "trainer.devices=5", "hydra.launcher.gpus=[0,1,2,3]"],
            "trainer.devices: expected at most 4, the GPUs there are, got 5",
        ),
        (
            ["hydra.launcher.slots=many"],
            "hydra.launcher.slots: expected a positive integer or null, got many",
        ),
        (["hydra.launcher.slot=2"], "hydra.launcher.slot: expected a key of hydra.launcher"),
        (
            ["hydra/launcher=pol"],
            "hydra/launcher: expected one of basic, joblib, pool, ray, slurm, got pol; "
            "did you mean hydra/launcher=pool?",
        ),
        (["rerun=yes"], "rerun: expected one of stale or null, got 'yes'"),
        (
            ["paths.outputs=/proc/nowhere"],
            "/proc/nowhere/default: expected a place that can be written to, got No such file or "
            "directory; choose another folder for outputs with paths.outputs=DIR",
        ),
    ],
)
def test_a_sweep(overrides: list[str], line: str, refused: Any, tiny: list[str]) -> None:
    assert refused("sweep", *tiny, *overrides) == line
