"""What can go wrong for a user: one line each, with name, expected, got and remedy."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any


class SeqbenchError(Exception):
    """Base of every error that is the user's to mend; the command line prints it and exits with 2.

    Args:
        name: what is wrong: a config key, a file, a column.
        expected: what would have been right.
        got: what was there.
        remedy: what to do about it.
    """

    def __init__(self, name: str, *, expected: str = "", got: str = "", remedy: str = "") -> None:
        self.name = name
        self.expected = expected
        self.got = got
        self.remedy = remedy
        super().__init__(self.line())

    def line(self) -> str:
        """The error as one line of text."""
        parts = [self.name]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.got:
            parts.append(f"got {self.got}")
        line = ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else parts[0]
        return " ".join((f"{line}; {self.remedy}" if self.remedy else line).split())


def first_line(error: BaseException) -> str:
    """What an error of another's says in its first line; its kind where it says nothing."""
    return str(error).strip().split("\n")[0].strip() or type(error).__name__


CHANGED_BY_HAND = (
    ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What may come of a file that is whole, but not as it was written."""


def kind_and_line(error: BaseException) -> str:
    """The same after the kind of the error, which tells of a mistake in code or in a library."""
    kind, line = type(error).__name__, first_line(error)
    return kind if line == kind else f"{kind}: {line}"


class ConfigError(SeqbenchError):
    """A key, a choice or a value of the configuration."""


class ConfigErrors(SeqbenchError):
    """Several mistakes in one configuration, reported together: one line each."""

    def __init__(self, errors: list[ConfigError]) -> None:
        self.errors = errors
        super().__init__(f"{len(errors)} mistakes in the configuration")

    def line(self) -> str:
        """Every mistake on its own line."""
        return "\n".join(error.line() for error in self.errors)


class DataError(SeqbenchError):
    """A dataset that is missing, unreadable or not what the task needs."""


class RecordError(SeqbenchError):
    """A run folder or record that is missing, held by another process, or unreadable."""


class TrainingError(SeqbenchError):
    """Training that cannot go on: a loss that is not finite, memory that is not there.

    Args:
        details: what is known of it, in plain containers; kept in the run's record.
    """

    def __init__(
        self,
        name: str,
        *,
        expected: str = "",
        got: str = "",
        remedy: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.details = dict(details or {})
        super().__init__(name, expected=expected, got=got, remedy=remedy)


class Diverged(TrainingError):
    """A loss that is not finite."""


class Stopped(KeyboardInterrupt):
    """A run that a signal has told to stop.

    Attributes:
        signal: which.
    """

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(f"told to stop by {self.signal.name}")

    @property
    def exit_code(self) -> int:
        """What a shell would say of a program that the signal ended."""
        return 128 + int(self.signal)
