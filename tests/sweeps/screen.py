"""A terminal of a few lines: what a person would see of what was written to it."""

from __future__ import annotations

import os
import pty
import re
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_TOKEN = re.compile(r"\x1b\[\??([\d;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n])")


class Screen:
    """Lines of text and a cursor; knows the few sequences that rich uses.

    Attributes:
        lines: everything there is, what has scrolled away included.
        cursor_shown: whether the cursor is visible.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.lines = [""]
        self.row = self.column = 0
        self.cursor_shown = True

    def write(self, text: str) -> None:
        end = 0
        for token in _TOKEN.finditer(text):
            assert token.start() == end, f"not understood: {text[end : end + 20]!r}"
            end = token.end()
            if token[2]:
                self._control(token[1], token[2])
            elif token[3]:
                self.column = 0
            elif token[4]:
                self._down()
                self.column = 0  # the terminal's driver adds the carriage return
            else:
                self._put(token[5])
        assert end == len(text), f"not understood: {text[end : end + 20]!r}"

    def text(self) -> list[str]:
        """Its lines without trailing blanks; empty ones at the end left out."""
        return "\n".join(line.rstrip() for line in self.lines).rstrip("\n").split("\n")

    def _top(self) -> int:
        return max(len(self.lines) - self.height, 0)

    def _control(self, argument: str, letter: str) -> None:
        if letter == "A":
            self.row = max(self.row - int(argument or 1), self._top())
        elif letter == "K":
            assert argument == "2"
            self.lines[self.row] = ""
        elif letter == "J":
            self.lines[self._top() :] = [""] * (len(self.lines) - self._top())
        elif letter == "H":
            self.row, self.column = self._top(), 0
        elif letter in "hl":
            self.cursor_shown = letter == "h"
        else:
            assert letter == "m", f"not understood: {letter}"

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    def _put(self, character: str) -> None:
        if self.column == self.width:
            self._down()
            self.column = 0
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
        self.column += 1


class Terminal:
    """A pseudo-terminal.

    Attributes:
        out: what a program writes to.
    """

    def __init__(self, master: int, out: TextIO, width: int, height: int) -> None:
        self.out = out
        self._master = master
        self._parts: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self.resize(width, height)
        self._reader.start()

    def resize(self, width: int, height: int) -> None:
        termios.tcsetwinsize(self._master, (height, width))

    def close(self) -> str:
        """Everything that was written, without the carriage returns that the driver adds."""
        if not self.out.closed:
            self.out.close()
        self._reader.join()
        return b"".join(self._parts).decode().replace("\r\n", "\n")

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._master, 4096)
            except OSError:  # nobody can write to it any more
                return
            if not part:
                return
            self._parts.append(part)


@contextmanager
def terminal(width: int, height: int) -> Iterator[Terminal]:
    """A pseudo-terminal of this size."""
    master, slave = pty.openpty()
    opened = Terminal(master, os.fdopen(slave, "w", encoding="utf-8"), width, height)
    try:
        yield opened
    finally:
        opened.close()
        os.close(master)
