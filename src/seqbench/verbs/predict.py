"""`seqbench predict`: what a finished run says to a text, to each line of a file, or to you."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.config.compose import run_verb
from seqbench.errors import DataError

if TYPE_CHECKING:
    from seqbench.training.kinds.kind import Answers


def main(argv: list[str]) -> int:
    """Compose, check, restore the run, answer."""
    return run_verb("predict", argv, predict)


def predict(settings: dict[str, Any]) -> int:
    """Answer `text`, each line of `file`, or what is typed, until the input ends."""
    from seqbench.training.kinds import KINDS
    from seqbench.training.restore import restore

    paths = settings["paths"]
    run = restore(settings["run"], datasets=paths["datasets"], cache=paths["cache"])
    answers = KINDS[run.datamodule.task].answers(run, settings)
    if settings["interactive"]:
        return _interactive(answers)
    if settings["file"] is None:
        _say(answers, [settings["text"]], ["text"])
        return 0
    lines = _lines(Path(settings["file"]))
    numbers = range(1, len(lines) + 1)
    _say(answers, lines, [f"file {settings['file']}, line {number}" for number in numbers])
    return 0


def _say(answers: Answers, texts: Sequence[str], names: Sequence[str]) -> None:
    for piece in answers.to_all(texts, names):
        print(piece, end="", flush=True)


def _interactive(answers: Answers) -> int:
    print("a text a line; Ctrl-D ends", file=sys.stderr)
    prompt = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            text = input(prompt)
        except EOFError:
            return 0
        try:
            _say(answers, [text], ["text"])
        except DataError as error:  # the next text may be a better one
            print(f"seqbench: {error.line()}", file=sys.stderr)


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"file {path}", expected="a text file in UTF-8", got=str(error).partition("\n")[0]
        ) from error
    if not lines:
        raise DataError(f"file {path}", expected="one text a line", got="an empty file")
    return lines
