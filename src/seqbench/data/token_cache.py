"""Token ids on disk, computed once for all runs that use the same data and tokenizer."""

from __future__ import annotations

import inspect
import json
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqbench.data.cache_lock import cache_lock, replacing_folder, writing_cache
from seqbench.data.encoded import Encoded
from seqbench.data.tokenizers.tokenizer import Tokenizer

SCHEMA = 2
"""Raised by every change of this package that gives other texts, splits or ids."""

META, TOKENIZER = "meta.json", "tokenizer.json"


@dataclass(frozen=True)
class CacheEntry:
    """Encoded splits with the tokenizer that made them.

    Attributes:
        splits: encoded examples by split.
        tokenizer: trained.
        facts: what else is known of the data: plain containers.
    """

    splits: dict[str, Encoded]
    tokenizer: Tokenizer
    facts: dict[str, Any]


def cached(
    folder: Path,
    *,
    build: Callable[[], CacheEntry],
    load_tokenizer: Callable[[Path], Tokenizer],
) -> CacheEntry:
    """The entry kept in this folder; built first where it is missing, or damaged.

    Of several processes that ask at once one builds and the others wait. The folder appears under
    its name complete, or not at all.

    Args:
        folder: the entry's own folder; its name says what is in it.
        build: makes the entry.
        load_tokenizer: reads the tokenizer from its file.

    Raises:
        DataError: it has to be built, and the cache folder cannot be written to.
    """
    entry = _open(folder, load_tokenizer)
    if entry is not None:
        return entry
    with cache_lock(folder):
        entry = _open(folder, load_tokenizer)
        if entry is None:
            built = build()
            with writing_cache(folder.parent):
                _write(folder, built)
            entry = _open(folder, load_tokenizer)
    assert entry is not None, f"the token cache {folder} cannot be read right after it was written"
    return entry


def own_code(thing: object) -> list[str]:
    """The source files of the classes that an object is made of, those of this package left out.

    What a tokenizer or source of your own does changes with its code, and so must the entry's name.
    """
    names = dict.fromkeys(cls.__module__ for cls in type(thing).__mro__)
    modules = [sys.modules[name] for name in names if name in sys.modules]
    codes = []
    for module in modules:
        name = module.__name__.partition(".")[0]
        if name == "seqbench" or name in sys.stdlib_module_names:
            continue
        try:
            codes.append(inspect.getsource(module))
        except (OSError, TypeError):  # typed in, or compiled
            continue
    return codes


def _write(folder: Path, entry: CacheEntry) -> None:
    with replacing_folder(folder) as aside:
        for split, encoded in entry.splits.items():
            encoded.save(aside, split)
        entry.tokenizer.save(aside / TOKENIZER)
        sums = {path.name: _checksum(path) for path in sorted(aside.iterdir())}
        meta = {"schema": SCHEMA, "facts": entry.facts, "sums": sums, "splits": list(entry.splits)}
        (aside / META).write_text(json.dumps(meta), encoding="utf-8")


def _open(folder: Path, load_tokenizer: Callable[[Path], Tokenizer]) -> CacheEntry | None:
    """The entry, or None where it is missing, damaged, or of another schema."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        if meta["schema"] != SCHEMA:
            return None
        if any(_checksum(folder / name) != known for name, known in meta["sums"].items()):
            return None
        splits = {split: Encoded.open(folder, split) for split in meta["splits"]}
        return CacheEntry(splits, load_tokenizer(folder / TOKENIZER), meta["facts"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _checksum(path: Path) -> int:
    """CRC-32 of a file: cheap, and enough against damage."""
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum
