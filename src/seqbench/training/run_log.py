"""A run's own log: what is logged while it lasts also goes to its `log.txt`."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from seqbench.records.secrets import without_secrets

# Lightning's remarks on what it was told to do are noise beside a run's own lines.
LEVELS = {
    "seqbench": logging.INFO,
    "pytorch_lightning": logging.WARNING,
    "lightning_fabric": logging.WARNING,
    "py.warnings": None,
}
# What we do on purpose (the beginnings of Lightning's warnings), or cannot help.
EXPECTED = (
    r".*LeafSpec",
    r"The number of training batches .* is smaller than the logging interval",
    r"It is recommended to use `self\.log\(.*sync_dist=True",  # the values are reduced already
    r"The '\w+_dataloader' does not have many workers",
    r"Checkpoint directory .* exists and is not empty",
    r"The `srun` command is available",
)


@contextlib.contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Append to `path` for the length of the block; our own warnings go to the terminal too."""
    handler = _LogFile(path, encoding="utf-8", delay=True)
    handler.setFormatter(_Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = {logging.getLogger(name): level for name, level in LEVELS.items()}
    before = {logger: logger.level for logger in loggers}
    for logger, level in loggers.items():
        logger.addHandler(handler)
        logger.setLevel(logger.level if level is None else level)
    terminal = logging.NullHandler() if _is_stderr(path) else _terminal()
    logging.getLogger("seqbench").addHandler(terminal)
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            for message in EXPECTED:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        logging.captureWarnings(False)
        logging.getLogger("seqbench").removeHandler(terminal)
        for logger, level in before.items():
            logger.removeHandler(handler)
            logger.setLevel(level)
        with contextlib.suppress(OSError):  # a full disk: the run's end is told all the same
            handler.close()


class _LogFile(logging.FileHandler):
    """A full disk takes no more lines; that the run's own error says, once."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, where the file can be opened."""
        with contextlib.suppress(OSError):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Discreet(logging.Formatter):
    """Leaves secrets out of what is said, of tracebacks, too."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or the lines of an error."""
        return str(without_secrets(super().format(record)))


def _is_stderr(path: Path) -> bool:
    """Whether stderr is this very file: in a pool's job it is."""
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except OSError:
        return False


def _terminal() -> logging.Handler:
    """Warnings alone: an error is printed by the verb that it ends, once."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: record.levelno == logging.WARNING)
    handler.setFormatter(_Discreet("seqbench: %(message)s"))
    return handler
