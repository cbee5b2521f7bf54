"""tokenizer.json: the class, the settings and the vocabulary of a tokenizer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqbench.errors import DataError
from seqbench.records.store import write_atomic

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class StoredTokenizer:
    """What a tokenizer.json holds.

    Attributes:
        kind: "module.Class" of the tokenizer.
        settings: arguments of its constructor.
        state: what training made: the vocabulary, or a subword model.
    """

    kind: str
    settings: dict[str, Any]
    state: Any


def kind_of(tokenizer: object) -> str:
    """The "module.Class" of a tokenizer."""
    return f"{type(tokenizer).__module__}.{type(tokenizer).__qualname__}"


def write_tokenizer(path: Path, stored: StoredTokenizer) -> None:
    """Write tokenizer.json, aside and renamed.

    Raises:
        RecordError: its folder cannot be written to.
    """
    content = {
        "schema": SCHEMA,
        "class": stored.kind,
        "settings": stored.settings,
        "state": stored.state,
    }
    write_atomic(path, json.dumps(content, ensure_ascii=True))


def read_tokenizer(path: Path) -> StoredTokenizer:
    """Read tokenizer.json.

    Raises:
        DataError: it is missing, not JSON, or not a tokenizer's.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"tokenizer file {path}", expected="a file", got="nothing there") from None
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, f"{type(error).__name__}: {error}") from None
    if not isinstance(content, dict) or not {"schema", "class", "settings", "state"} <= set(
        content
    ):
        raise damaged(path, "JSON that is not a tokenizer's")
    if content["schema"] != SCHEMA:
        raise DataError(
            f"tokenizer file {path}", expected=f"schema {SCHEMA}", got=f"{content['schema']!r}"
        )
    if not isinstance(content["class"], str) or not isinstance(content["settings"], dict):
        raise damaged(path, "a class or settings of the wrong type")
    return StoredTokenizer(
        kind=content["class"], settings=content["settings"], state=content["state"]
    )


def damaged(path: Path, what: str) -> DataError:
    """The error for a tokenizer file that cannot be used."""
    return DataError(
        f"tokenizer file {path}",
        expected="JSON with schema, class, settings and state",
        got=what,
        remedy="delete it, or train the run again (force=true)",
    )
