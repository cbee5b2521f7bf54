"""A run's own log: what is logged while it lasts also goes to its `log.txt`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

# Lightning's remarks on what it was told to do are noise beside a run's own lines.
LEVELS = {"seqbench": logging.INFO, "pytorch_lightning": logging.WARNING, "py.warnings": None}


@contextlib.contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Append to `path` for the length of the block."""
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = {logging.getLogger(name): level for name, level in LEVELS.items()}
    before = {logger: logger.level for logger in loggers}
    for logger, level in loggers.items():
        logger.addHandler(handler)
        logger.setLevel(logger.level if level is None else level)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for logger, level in before.items():
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()
