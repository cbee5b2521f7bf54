"""Lets torchtext 0.18, the last release, run on today's torch.

Its native library does not load on torch >= 2.4, yet all that is used of it here is pure Python.
This module stands in for the two modules that would load the library, `torchtext._extension` and
`torchtext._torchtext`, the latter with a `Vocab` in Python, and does nothing else.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from seqbench.errors import DataError


class Vocab:
    """The native vocabulary's methods that `torchtext.vocab.Vocab` calls, with its error type."""

    def __init__(self, tokens: Sequence[str], default_index: int | None = None) -> None:
        self.itos_: list[str] = list(tokens)
        self.default_index_ = default_index
        self._ids = {token: i for i, token in enumerate(self.itos_)}
        if len(self._ids) != len(self.itos_):
            raise RuntimeError("a vocabulary cannot hold a token twice")

    def __len__(self) -> int:
        return len(self.itos_)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def __getitem__(self, token: str) -> int:
        index = self._ids.get(token, self.default_index_)
        if index is None:
            raise RuntimeError(f"Token {token} not found and default index is not set")
        return index

    def set_default_index(self, index: int | None) -> None:
        """The index of tokens that are not in the vocabulary; None makes them an error."""
        self.default_index_ = index

    def get_default_index(self) -> int | None:
        """The index of tokens that are not in the vocabulary."""
        return self.default_index_

    def insert_token(self, token: str, index: int) -> None:
        """Put a new token at an index; those behind it move up by one."""
        if token in self._ids:
            raise RuntimeError(f"Token {token} already exists in the Vocab")
        if not 0 <= index <= len(self.itos_):
            raise RuntimeError(f"Specified index {index} is out of bounds")
        self.itos_.insert(index, token)
        self._ids = {known: i for i, known in enumerate(self.itos_)}

    def append_token(self, token: str) -> None:
        """Put a new token at the end."""
        self.insert_token(token, len(self.itos_))

    def lookup_token(self, index: int) -> str:
        """The token at an index."""
        if not 0 <= index < len(self.itos_):
            raise RuntimeError(f"Specified index {index} is out of bounds")
        return self.itos_[index]

    def lookup_tokens(self, indices: Sequence[int]) -> list[str]:
        """The tokens at the indices."""
        return [self.lookup_token(index) for index in indices]

    def lookup_indices(self, tokens: Sequence[str]) -> list[int]:
        """The indices of the tokens."""
        return [self[token] for token in tokens]

    def get_stoi(self) -> dict[str, int]:
        """The index of every token."""
        return dict(self._ids)

    def get_itos(self) -> list[str]:
        """The tokens in order."""
        return list(self.itos_)


def torchtext_module(name: str) -> Any:
    """A module of torchtext, e.g. "data" or "vocab".

    Raises:
        DataError: torchtext is not installed; it has no wheels for Python >= 3.13.
    """
    if "torchtext" not in sys.modules:
        _stand_in()
    try:
        torchtext = importlib.import_module("torchtext")
    except ModuleNotFoundError as error:
        if error.name != "torchtext":
            raise
        python = ".".join(map(str, sys.version_info[:2]))
        raise DataError(
            "torchtext",
            expected="it to be installed",
            got=f"Python {python} without it",
            remedy="pip install torchtext==0.18.0, which has wheels for Python <= 3.12 only; "
            "without it choose tokenizer=word",
        ) from None
    # its notice that it is no longer developed is known, and would be repeated by every module
    torchtext.disable_torchtext_deprecation_warning()
    return importlib.import_module(f"torchtext.{name}")


def _stand_in() -> None:
    native = ModuleType("torchtext._torchtext")
    native.__dict__["Vocab"] = Vocab
    sys.modules["torchtext._extension"] = ModuleType("torchtext._extension")
    sys.modules["torchtext._torchtext"] = native
