"""The run folder: where each of a run's files lies, and who may write there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqbench.errors import RecordError, first_line
from seqbench.records.claim import claimed
from seqbench.records.plain_json import load_json
from seqbench.records.record import RunRecord
from seqbench.records.secrets import without_secrets
from seqbench.records.store import drop_unfinished, unwritable, write_atomic


class RunFolder:
    """`outputs/<study>/<run_id>/`; nothing is made on disk before `claim`.

    Attributes:
        path: the folder.
        config: the frozen, resolved config, from which any process can execute the run.
        record: the outcome.
        metrics: the history.
        checkpoints: `best.ckpt` and `last.ckpt`.
        tokenizer: the fitted tokenizer.
        predictions: one row a test example, of classifiers.
        token_losses: one row a token of the test split, of language models.
        prune: a search's word that it expects no more of the run; there once it is given.
        log: the run's own log.
        lock: who holds the folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.record = self.path / "record.json"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoints = self.path / "checkpoints"
        self.tokenizer = self.path / "tokenizer.json"
        self.predictions = self.path / "predictions.parquet"
        self.token_losses = self.path / "token_losses.parquet"
        self.prune = self.path / "prune.json"
        self.log = self.path / "log.txt"
        self.lock = self.path / ".lock"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Makes the folder and holds it exclusively for the length of a `with` block.

        What a killed writer left half written is removed; a sweep may be freezing the config now.

        Raises:
            RecordError: "held by process … on … since …", or the folder cannot be made.
        """
        with claimed(self.lock):
            for place in (self.path, self.checkpoints):
                drop_unfinished(place, but=self.config.name)
            yield

    def write_record(self, record: RunRecord) -> None:
        """Writes the record atomically, secrets replaced.

        Raises:
            RecordError: the folder cannot be written to.
        """
        plain = without_secrets(record.to_dict())
        text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)
        # An error's message may hold the bytes of a file name that is no Unicode.
        write_atomic(self.record, (text + "\n").encode("utf-8", "replace"))

    def read_record(self) -> RunRecord | None:
        """The record; None where the run has none yet.

        Raises:
            RecordError: it cannot be read, or is not a record of this schema.
        """
        try:
            plain = load_json(self.record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RecordError(
                str(self.record), expected="a record in JSON", got=first_line(error)
            ) from error
        return RunRecord.from_dict(plain, str(self.record))

    def remove(self) -> None:
        """Removes the folder with all that is in it, the lock included; while claimed.

        Raises:
            RecordError: something cannot be removed.
        """
        self.clear()
        try:
            for path in (self.config, self.log, self.lock):
                path.unlink(missing_ok=True)
            self.path.rmdir()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def clear(self) -> None:
        """Removes what an earlier try left, while claimed.

        Lock, frozen config and log stay: another sweep may be reading the config, and what the
        log says of the earlier try is still true.

        Raises:
            RecordError: something cannot be removed.
        """
        try:
            for entry in sorted(self.path.iterdir()):
                if entry in (self.lock, self.config, self.log):
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
        except OSError as error:
            raise unwritable(self.path, error) from error
