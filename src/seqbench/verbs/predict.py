"""`seqbench predict`: what a finished run says to a text, to each line of a file, or to you."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.config.compose import run_verb
from seqbench.errors import DataError

if TYPE_CHECKING:
    from seqbench.training.restore import RestoredRun


def main(argv: list[str]) -> int:
    """Compose, check, restore the run, answer."""
    return run_verb("predict", argv, predict)


def predict(settings: dict[str, Any]) -> int:
    """Answer `text`, each line of `file`, or what is typed, until the input ends."""
    from seqbench.training.restore import restore

    paths = settings["paths"]
    run = restore(settings["run"], datasets=paths["datasets"], cache=paths["cache"])
    if settings["interactive"]:
        return _interactive(run, settings["top"])
    texts = [settings["text"]] if settings["file"] is None else _lines(Path(settings["file"]))
    for line in answers(run, texts, top=settings["top"]):
        print(line)
    return 0


def answers(run: RestoredRun, texts: Sequence[str], *, top: int) -> list[str]:
    """One line a text: its `top` classes with their probabilities, tab-separated, then the text."""
    lines = []
    for text, probabilities_C in zip(texts, run.probabilities(texts), strict=True):
        best = probabilities_C.argsort()[::-1][:top]
        classes = [f"{run.label_names[c]} {probabilities_C[c]:.3f}" for c in best]
        lines.append("\t".join([*classes, " ".join(text.split())]))
    return lines


def _interactive(run: RestoredRun, top: int) -> int:
    print("a text a line; Ctrl-D ends", file=sys.stderr)
    prompt = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            text = input(prompt)
        except EOFError:
            return 0
        print(answers(run, [text], top=top)[0], flush=True)


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
