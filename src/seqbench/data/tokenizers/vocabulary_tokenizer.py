"""Tokenizers whose vocabulary is a list of tokens: split, normalise, look up."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seqbench.data.tokenizers.stored import (
    StoredTokenizer,
    damaged,
    kind_of,
    read_tokenizer,
    write_tokenizer,
)
from seqbench.data.tokenizers.tokenizer import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    SPECIAL_TOKENS,
    UNK_ID,
    hashed,
)

DROPPED = -1


class IdsByPiece(dict[str, int]):
    """The id of every piece of text met so far; a new one is normalised and looked up once.

    A corpus has far fewer different pieces than pieces, so stop words and lemmas cost nothing.
    """

    def __init__(self, ids: dict[str, int], normalise: Callable[[str], str | None]) -> None:
        super().__init__()
        self._ids = ids
        self._normalise = normalise

    def __missing__(self, piece: str) -> int:
        token = self._normalise(piece)
        self[piece] = found = DROPPED if token is None else self._ids.get(token, UNK_ID)
        return found


class VocabularyTokenizer(ABC):
    """Splits a text into pieces, normalises each piece to a token, numbers the tokens.

    Tokens are numbered by falling frequency, equally frequent ones alphabetically, after the
    special ones. Subclasses say how to split, and take explicit settings.
    """

    pad_id = PAD_ID
    unk_id = UNK_ID
    bos_id = BOS_ID
    eos_id = EOS_ID
    separator = " "

    def __init__(self, *, min_freq: int, max_vocab: int | None) -> None:
        self.min_freq = min_freq
        self.max_vocab = max_vocab
        self._tokens: list[str] = []
        self._pieces = IdsByPiece({}, self.normalise)

    @abstractmethod
    def split(self, text: str) -> list[str]:
        """The pieces of a text, before normalisation."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The arguments that make an untrained equal of this tokenizer."""

    def normalise(self, piece: str) -> str | None:
        """The token that a piece stands for; None drops it."""
        return piece

    @property
    def vocab_size(self) -> int:
        """Number of ids, the special ones included."""
        return len(self._tokens)

    @property
    def trained(self) -> bool:
        """Whether there is a vocabulary."""
        return bool(self._tokens)

    def vocabulary(self) -> list[str]:
        """The tokens by id, the special ones first."""
        return list(self._tokens)

    def tokens(self, text: str) -> list[str]:
        """The text's tokens as strings."""
        normalised = map(self.normalise, self.split(text))
        return [token for token in normalised if token is not None]

    def train(self, texts: Sequence[str]) -> None:
        """Number the tokens of these texts."""
        pieces: Counter[str] = Counter()
        for text in texts:
            pieces.update(self.split(text))
        counts: Counter[str] = Counter()
        for piece, count in pieces.items():
            if (token := self.normalise(piece)) is not None:
                counts[token] += count
        self._set_vocabulary([*SPECIAL_TOKENS, *self.choose(counts)])

    def choose(self, counts: Counter[str]) -> list[str]:
        """The tokens that get an id of their own, most frequent first."""
        for special in SPECIAL_TOKENS:
            counts.pop(special, None)
        frequent = [(-n, token) for token, n in counts.items() if n >= self.min_freq]
        return [token for _, token in sorted(frequent)[: self.max_vocab]]

    def encode(self, text: str) -> list[int]:
        """The text's token ids; empty where it holds no token."""
        self._require_vocabulary()
        return [i for i in map(self._pieces.__getitem__, self.split(text)) if i != DROPPED]

    def encode_batch(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The ids of all texts one after another, and how many each has, shape N."""
        self._require_vocabulary()
        look_up = self._pieces.__getitem__
        arrays: list[NDArray[np.int32]] = []
        for text in texts:
            ids = np.fromiter(map(look_up, self.split(text)), dtype=np.int32)
            arrays.append(ids[ids != DROPPED])
        lengths = np.array([len(ids) for ids in arrays], dtype=np.int64)
        flat = np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int32)
        return flat, lengths

    def decode(self, ids: Sequence[int]) -> str:
        """The tokens of these ids, put together; padding is left out."""
        return self.separator.join(self._tokens[i] for i in ids if i != self.pad_id)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        stored = StoredTokenizer(kind=kind_of(self), settings=self.settings(), state=self._tokens)
        write_tokenizer(path, stored)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing or damaged.
        """
        stored = read_tokenizer(path)
        tokens = stored.state
        if (
            not isinstance(tokens, list)
            or not all(isinstance(token, str) for token in tokens)
            or tuple(tokens[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS
            or len(set(tokens)) != len(tokens)
        ):
            raise damaged(path, "a vocabulary that is not a list of different tokens")
        try:
            tokenizer = cls(**stored.settings)
        except TypeError as error:
            raise damaged(path, f"settings that {cls.__name__} does not have ({error})") from None
        tokenizer._set_vocabulary(tokens)
        return tokenizer

    def fingerprint_settings(self) -> str:
        """The class and the settings, and the vocabulary once there is one."""
        return json.dumps([kind_of(self), self.settings(), self._tokens], sort_keys=True)

    def fingerprint(self) -> str:
        """A hash of `fingerprint_settings`, for records."""
        return hashed(self.fingerprint_settings())

    def _set_vocabulary(self, tokens: list[str]) -> None:
        self._tokens = tokens
        # a text that spells a special token must not become one
        ids = {token: i for i, token in enumerate(tokens) if i >= len(SPECIAL_TOKENS)}
        self._pieces = IdsByPiece(ids, self.normalise)

    def _require_vocabulary(self) -> None:
        if not self.trained:
            raise RuntimeError(f"{type(self).__name__} has no vocabulary: train or load it first")
