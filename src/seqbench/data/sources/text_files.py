"""Running text from the user's own files."""

from __future__ import annotations

import json
from pathlib import Path

from seqbench.data.sources.corpus import Corpus
from seqbench.data.sources.source import hash_file
from seqbench.data.sources.tables import check_file, decoded
from seqbench.errors import ConfigError, DataError


class TextFileSource:
    """Plain text: a file, or a folder whose files are documents in the order of their paths.

    Args:
        train: a file or a folder.
        validation: likewise; None cuts it from train.
        test: likewise.
        pattern: which files of a folder count, e.g. "*.txt" or "*.py", at any depth.
        encoding: of the files.
    """

    def __init__(
        self,
        *,
        train: str,
        validation: str | None = None,
        test: str | None = None,
        pattern: str = "*.txt",
        encoding: str = "utf-8",
    ) -> None:
        self.paths = {"train": train, "validation": validation, "test": test}
        self.pattern = pattern
        self.encoding = encoding

    def key(self, *, cache_dir: Path, datasets_dir: Path | None) -> str:
        """The encoding and the bytes of the files."""
        hashes = {split: list(map(hash_file, files)) for split, files in self._files().items()}
        return json.dumps([self.encoding, hashes])

    def load(self, *, cache_dir: Path, datasets_dir: Path | None) -> Corpus:
        """The text of every file.

        Raises:
            DataError: a file is missing, empty, or not in this encoding.
            ConfigError: there is no such encoding.
        """
        return Corpus(splits={split: self.documents(split) for split in self._files()})

    def documents(self, split: str) -> list[str]:
        """The text of a split's files, one line feed at the end of every line."""
        texts = (
            decoded(path, self.encoding, key="data.source.encoding")
            for path in self._files()[split]
        )
        return [text.replace("\r\n", "\n") for text in texts]

    def _files(self) -> dict[str, list[Path]]:
        named = {split: Path(path).expanduser() for split, path in self.paths.items() if path}
        return {split: self._below(path) for split, path in named.items()}

    def _below(self, path: Path) -> list[Path]:
        if not path.is_dir():
            check_file(path)
            return [path]
        try:
            found = sorted(
                file for file in path.rglob(self.pattern) if file.is_file() and file.stat().st_size
            )
        except (ValueError, NotImplementedError) as error:  # an empty one; one that begins at "/"
            raise ConfigError(
                "data.source.pattern", expected="a pattern such as *.txt", got=repr(self.pattern)
            ) from error
        except OSError as error:
            got = error.strerror or str(error)
            raise DataError(f"folder {path}", expected="readable files", got=got) from None
        if not found:
            raise DataError(
                f"folder {path}",
                expected=f"files named {self.pattern}",
                got="none",
                remedy="set data.source.pattern",
            )
        return found
