"""Subword tokenizers trained with Hugging Face `tokenizers`."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as SubwordModel
from tokenizers import models, normalizers

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
from seqbench.errors import DataError

CHUNK = 4096


class SubwordTokenizer(ABC):
    """A subword model behind the `Tokenizer` contract.

    Texts are put into Unicode's NFKC form first. A special token's name in a text is ordinary text.
    """

    pad_id = PAD_ID
    unk_id = UNK_ID
    bos_id = BOS_ID
    eos_id = EOS_ID

    def __init__(self, *, lowercase: bool) -> None:
        self.lowercase = lowercase
        self._model: SubwordModel | None = None

    @abstractmethod
    def blank(self) -> tuple[SubwordModel, Any]:
        """An untrained model with its way of splitting, and its trainer."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The arguments that make an untrained equal of this tokenizer."""

    @property
    def model(self) -> SubwordModel:
        """The trained model."""
        if self._model is None:
            raise RuntimeError(f"{type(self).__name__} has no vocabulary: train or load it first")
        return self._model

    @property
    def vocab_size(self) -> int:
        """Number of ids, the special ones included."""
        return 0 if self._model is None else self._model.get_vocab_size()

    @property
    def trained(self) -> bool:
        """Whether there is a vocabulary."""
        return self._model is not None

    def train(self, texts: Sequence[str]) -> None:
        """Fit the model to these texts."""
        self._set_model(self.fitted(texts))

    def fitted(self, texts: Sequence[str]) -> SubwordModel:
        """A model trained on these texts."""
        model, trainer = self.blank()
        self.fit(model, trainer, texts)
        return model

    def fit(self, model: SubwordModel, trainer: Any, texts: Sequence[str]) -> None:
        """Train a blank model, its normalisation included.

        Raises:
            DataError: the library cannot, e.g. since the vocabulary is smaller than the alphabet.
        """
        steps = [normalizers.NFKC(), *([normalizers.Lowercase()] if self.lowercase else [])]
        model.normalizer = normalizers.Sequence(steps)
        try:
            model.train_from_iterator(map(_encodable, texts), trainer)
        except (
            Exception
        ) as error:  # the library raises plain Exception, e.g. too small a vocabulary
            raise DataError(
                type(self).__name__,
                expected="training texts and a tokenizer.max_vocab that it can be trained with",
                got=str(error),
                remedy="raise tokenizer.max_vocab",
            ) from None

    def tokens(self, text: str) -> list[str]:
        """The text's subwords as strings."""
        return list(self.model.encode(_encodable(text), add_special_tokens=False).tokens)

    def encode(self, text: str) -> list[int]:
        """The text's token ids; empty where it holds no token."""
        ids = self.model.encode(_encodable(text), add_special_tokens=False).ids
        return [UNK_ID if i < len(SPECIAL_TOKENS) else i for i in ids]

    def encode_batch(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The ids of all texts one after another, and how many each has, shape N."""
        arrays: list[NDArray[np.int32]] = []
        for start in range(0, len(texts), CHUNK):
            chunk = [_encodable(text) for text in texts[start : start + CHUNK]]
            encodings = self.model.encode_batch_fast(chunk, add_special_tokens=False)
            arrays += [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
        lengths = np.array([len(ids) for ids in arrays], dtype=np.int64)
        flat = np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int32)
        flat[flat < len(SPECIAL_TOKENS)] = UNK_ID
        return flat, lengths

    def decode(self, ids: Sequence[int]) -> str:
        """The text that these subwords spell; padding is left out."""
        kept = [int(i) for i in ids if i != self.pad_id]
        return str(self.model.decode(kept, skip_special_tokens=False))

    def save(self, path: Path) -> None:
        """Write it as JSON, the model in the form of `tokenizers`."""
        state = json.loads(self.model.to_str())
        stored = StoredTokenizer(kind=kind_of(self), settings=self.settings(), state=state)
        write_tokenizer(path, stored)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing or damaged.
        """
        stored = read_tokenizer(path)
        try:
            tokenizer = cls(**stored.settings)
        except TypeError as error:
            raise damaged(path, f"settings that {cls.__name__} does not have ({error})") from None
        try:
            model = SubwordModel.from_str(json.dumps(stored.state))
        except Exception as error:  # the library raises plain Exception
            raise damaged(path, f"a subword model that cannot be read ({error})") from None
        if [model.token_to_id(token) for token in SPECIAL_TOKENS] != list(range(4)):
            raise damaged(path, "a subword model without the special tokens")
        if None in map(model.id_to_token, range(model.get_vocab_size())):
            raise damaged(path, "a subword model with ids missing")
        if not _has_unknown(model, stored.state["model"]):
            raise damaged(path, "a subword model that does not know what is unknown")
        tokenizer._set_model(model)
        return tokenizer

    def fingerprint_settings(self) -> str:
        """The class and the settings, and the model once there is one."""
        model = self._model.to_str() if self._model is not None else ""
        return json.dumps([kind_of(self), self.settings(), model], sort_keys=True)

    def fingerprint(self) -> str:
        """A hash of `fingerprint_settings`, for records."""
        return hashed(self.fingerprint_settings())

    def _set_model(self, model: SubwordModel) -> None:
        # else "<pad>" in a text would become padding; the unigram model needs `encode`'s own guard
        model.encode_special_tokens = True
        self._model = model


def _has_unknown(model: SubwordModel, told: Mapping[str, Any]) -> bool:
    """Whether it has an id for what is not in its vocabulary, or needs none: bytes never are."""
    token = told.get("unk_token")
    if isinstance(model.model, models.BPE):  # files of other programs may leave its type out
        return token is None or model.token_to_id(token) is not None
    return bool(told.get("unk_id") == UNK_ID or token == SPECIAL_TOKENS[UNK_ID])


def _encodable(text: str) -> str:
    """The text without lone surrogates, which the library cannot take."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
