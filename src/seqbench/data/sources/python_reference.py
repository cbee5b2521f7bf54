"""The built-in text: the Python language reference, as the running CPython ships it."""

from __future__ import annotations

import hashlib
import inspect
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqbench.data.sources.corpus import Corpus
from seqbench.data.sources.source import hash_file
from seqbench.errors import DataError

EMPTY_LINE = re.compile(r"\n[ \t]*\n+")
REPEATABLE = 60
"""Shorter paragraphs may repeat: headings, and words such as "Changed in version 3.8:"."""


class PythonReferenceSource:
    """The topics of `help()` in `pydoc_data.topics`, each a document.

    Topics quote each other at length: a paragraph is kept where it stands first and left out
    elsewhere, since otherwise a fifth of the text would be known from before. Topics come in an
    order that depends on their names alone and follows no subject, so that a piece cut off the end
    is like the rest.
    """

    def key(self, *, cache_dir: Path, datasets_dir: Path | None) -> str:
        """The bytes of the module that holds them."""
        return f"python_reference {hash_file(Path(inspect.getfile(_module())))}"

    def load(self, *, cache_dir: Path, datasets_dir: Path | None) -> Corpus:
        """The topics; what is missing is cut by whoever asks."""
        documents, dropped = without_repetitions(_module().topics)
        notes = (
            f"python_reference of Python {platform.python_version()}: {len(documents)} topics",
            f"python_reference: {dropped:,} characters of paragraphs that stood before left out",
        )
        return Corpus(splits={"train": documents}, notes=notes)


def without_repetitions(topics: Mapping[str, str]) -> tuple[list[str], int]:
    """The topics without paragraphs that stood in one before, and the characters left out."""
    seen: set[str] = set()
    documents, dropped = [], 0
    for name in sorted(topics, key=_scattered):
        kept = []
        for paragraph in EMPTY_LINE.split(topics[name].strip("\n")):
            words = " ".join(paragraph.split())
            if len(words) >= REPEATABLE and words in seen:
                dropped += len(paragraph)
                continue
            seen.add(words)
            kept.append(paragraph)
        documents.append("\n\n".join(kept) + "\n\n\n")
    return documents, dropped


def _scattered(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()


def _module() -> Any:
    try:
        import pydoc_data.topics
    except ImportError as error:  # some distributions ship Python without its documentation
        raise DataError(
            "data=python_reference",
            expected="pydoc_data.topics, which CPython ships",
            got=str(error),
            remedy="use data=text_file data.source.train=FILE",
        ) from error
    return pydoc_data.topics
