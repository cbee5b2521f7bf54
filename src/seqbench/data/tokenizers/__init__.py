"""Tokenizers, and `load_tokenizer` for any of them."""

from __future__ import annotations

import importlib
from pathlib import Path

from seqbench.data.tokenizers.stored import damaged, read_tokenizer
from seqbench.data.tokenizers.tokenizer import Tokenizer


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The trained tokenizer that a tokenizer.json holds, of whatever class it is.

    Raises:
        DataError: the file is missing or damaged, or its class is not to be found.
    """
    path = Path(path)
    kind = read_tokenizer(path).kind
    module, _, name = kind.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError, TypeError):
        raise damaged(path, f"the class {kind!r}, which is not to be found") from None
    if not isinstance(found, type) or not hasattr(found, "fingerprint_settings"):
        raise damaged(path, f"the class {kind!r}, which is no tokenizer")
    tokenizer: Tokenizer = found.load(path)  # type: ignore[attr-defined]
    return tokenizer


__all__ = ["Tokenizer", "load_tokenizer"]
