"""`seqbench predict`: a text, a file, or what is typed."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

Cli = Any
ANSWER = r"(?:good|bad) [01]\.\d{3}\t(?:good|bad) [01]\.\d{3}\t"


@pytest.mark.parametrize("name", ["network_run", "baseline_run"])
def test_a_text(name: str, cli: Cli, request: pytest.FixtureRequest) -> None:
    ended = cli("predict", f"run={request.getfixturevalue(name)}", "text=a fine  warm\tfilm")
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch(ANSWER + "a fine warm film\n", ended.out)
    likelier, other = (float(part.split()[1]) for part in ended.out.split("\t")[:2])
    assert likelier >= other
    assert likelier + other == pytest.approx(1, abs=1e-3)


def test_fewer_classes(cli: Cli, network_run: Path) -> None:
    ended = cli("predict", f"run={network_run}", "text=film", "top=1")
    assert len(ended.out.split("\t")) == 2


def test_a_line_of_a_file_each_in_its_order(cli: Cli, network_run: Path, tmp_path: Path) -> None:
    texts = ["film", "a fine warm bright film plot", "", "grim"]
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n")
    ended = cli("predict", f"run={network_run}", "file=texts.txt")
    assert [line.split("\t")[2] for line in ended.out.splitlines()] == texts
    alone = cli("predict", f"run={network_run}", "text=grim")
    assert ended.out.splitlines()[3] == alone.out.rstrip("\n")


def test_what_is_typed(cli: Cli, network_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("fine film\n\ngrim plot\n"))
    ended = cli("predict", f"run={network_run}", "interactive=true")
    assert ended.code == 0
    assert ended.err == "a text a line; Ctrl-D ends\n"
    assert re.fullmatch(f"{ANSWER}fine film\n{ANSWER}\n{ANSWER}grim plot\n", ended.out)


@pytest.mark.parametrize("name", ["network_run", "baseline_run"])
@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_text_is_one_unknown_token(
    text: str, name: str, cli: Cli, request: pytest.FixtureRequest
) -> None:
    ended = cli("predict", f"run={request.getfixturevalue(name)}", f"text='{text}'")
    assert ended.code == 0
    assert re.fullmatch(ANSWER + "\n", ended.out)


@pytest.mark.parametrize("name", ["network_run", "baseline_run"])
def test_a_text_of_100_000_tokens(
    name: str, cli: Cli, tmp_path: Path, request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    (tmp_path / "long.txt").write_text("fine " * 100_000 + "\n")
    ended = cli("predict", f"run={request.getfixturevalue(name)}", "file=long.txt")
    assert ended.code == 0
    # Without handlers, as on the command line, logging prints it to stderr.
    cut = ["1 of 1 texts cut to their first 256 tokens"] if name == "network_run" else []
    assert caplog.messages == cut
    assert len(ended.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("said", "got"),
    [([], "none"), (["text=a", "file=b"], "text and file"), (["text=a", "interactive=true"], "")],
)
def test_one_source_of_texts(said: list[str], got: str, cli: Cli, network_run: Path) -> None:
    ended = cli("predict", f"run={network_run}", *said)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(
        f"seqbench: text: expected one of text=…, file=…, interactive=true, got {got}"
    )
