"""Running text of any source as a data module for language models."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqbench.batch import DataSpec, StreamBatch
from seqbench.data.datamodule import SPLITS, SeqDataModule
from seqbench.data.encoded import Encoded
from seqbench.data.loader import TokenLoader
from seqbench.data.sources.corpus import (
    CorpusSource,
    complete_corpus,
    hash_corpus,
    shared_lines,
)
from seqbench.data.streams import StreamDataset, WindowSampler
from seqbench.data.token_cache import SCHEMA, CacheEntry, cached, own_code
from seqbench.data.tokenizers.tokenizer import Tokenizer
from seqbench.data.vocabulary_notes import vocabulary_notes
from seqbench.domains import Fraction, NonNegativeInt, PositiveInt
from seqbench.errors import DataError

EVALUATION_WINDOW = 4096
"""Positions of an evaluation batch; it changes no result, see `LanguageModeling`."""

FACTS = 3
"""Raised by every change of what is kept beside the ids."""


class LanguageModelingData(SeqDataModule):
    """A text whose next token is to be predicted.

    Training reads it in `batch_size` columns side by side, `window` tokens at a time; evaluation
    reads a split from its beginning to its end in one stream. The first token is context only.

    Args:
        source: where the text comes from.
        tokenizer: untrained: it is trained on the training split. A trained one is used as it is.
        seed: the run's seed: where epochs begin.
        cache_dir: folder for token ids and for what sources keep.
        datasets_dir: the local mirror of the hub; None without one.
        window: tokens through which gradients reach back; what a model without a carried state
            sees.
        batch_size: columns.
        mark_documents: end every document by a token of its own, which is predicted, too; else
            documents follow each other without a mark.
        rotate: begin each epoch at another place of the text.
        reset: share of training windows before which a carried state is forgotten. With 0 a model
            meets an empty state once an epoch, and may never find into a text that it evaluates
            (measured: `experiments/results/language_models.md`).
        validation_fraction: share of train for validation, where the dataset has none.
        test_fraction: share of train for test, where the dataset has none.
        num_workers: processes that load batches; 0 loads in the training process.
    """

    task = "language_modeling"

    def __init__(
        self,
        *,
        source: CorpusSource,
        tokenizer: Tokenizer,
        seed: int,
        cache_dir: str | Path,
        datasets_dir: str | Path | None,
        window: PositiveInt = 128,
        batch_size: PositiveInt = 32,
        mark_documents: bool = False,
        rotate: bool = True,
        reset: Fraction = 0.05,
        validation_fraction: Fraction = 0.05,
        test_fraction: Fraction = 0.05,
        num_workers: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.source = source
        self.tokenizer = copy.deepcopy(tokenizer)
        self.seed = seed
        self.cache_dir = Path(cache_dir)
        self.datasets_dir = Path(datasets_dir) if datasets_dir else None
        self.window = window
        self.batch_size = batch_size
        self.mark_documents = mark_documents
        self.rotate = rotate
        self.reset = reset
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.num_workers = num_workers
        self.notes: list[str] = []
        self.overlaps = {}
        self._entry: CacheEntry | None = None
        self._documents: dict[str, Sequence[str]] | None = None

    def prepare_data(self) -> None:
        """Build the token cache where it is missing."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Open the token cache, building it first where it is missing.

        Raises:
            DataError: the source cannot be read or split, or is shorter than a window.
        """
        if self._entry is not None:
            return
        entry = cached(
            self.cache_dir / "tokens" / self._key(),
            build=self._build,
            load_tokenizer=type(self.tokenizer).load,
        )
        self._check_length(entry)
        self._entry, self.tokenizer = entry, entry.tokenizer
        facts = entry.facts
        self.overlaps = dict(facts["overlaps"])
        self.notes = [*facts["notes"], *self._column_notes(len(entry.splits["train"].ids))]
        self.spec = DataSpec(
            task=self.task,
            vocab_size=self.tokenizer.vocab_size,
            pad_id=self.tokenizer.pad_id,
            max_len=self.window,
            num_examples=dict(facts["documents"]),
            num_tokens={split: len(encoded.ids) for split, encoded in entry.splits.items()},
            num_characters=dict(facts["characters"]),
            num_unknown=facts["unknown"],
        )

    def fingerprint(self) -> str:
        """A hash of the documents and splits as they are used."""
        return str(self._opened().facts["fingerprint"])

    def texts(self, split: str) -> Sequence[str]:
        """The documents of a split, read from the source when first asked for."""
        if self._documents is None:
            known = self.fingerprint()
            documents, _ = self._load()
            if hash_corpus(documents) != known:
                raise DataError(
                    "data",
                    expected="the text that the run began with",
                    got="changed one",
                    remedy="start the run again",
                )
            self._documents = documents
        return self._documents[split]

    def ids(self, split: str) -> NDArray[np.int32]:
        """The token ids of a split as one text; the first one is context only."""
        return self._opened().splits[split].ids

    def train_dataloader(self) -> TokenLoader[StreamBatch]:
        """Windows of `batch_size` columns; each rank's own columns."""
        ids = self.ids("train")
        rank, world = (0, 1)
        if self.trainer is not None:
            rank, world = self.trainer.global_rank, self.trainer.world_size
        columns = max(world, self._num_columns(len(ids)))
        dataset = StreamDataset(
            ids,
            columns=columns,
            window=self.window,
            pad_id=self.tokenizer.pad_id,
            rotate=self.rotate,
            reset=self.reset,
            seed=self.seed,
            rank=rank,
            world=world,
        )
        sampler = WindowSampler(dataset.num_windows, seed=self.seed)
        return TokenLoader(dataset, sampler, num_workers=self.num_workers)

    def val_dataloader(self) -> TokenLoader[StreamBatch]:
        """The validation split in one stream; every rank reads it all."""
        return self.stream(self.ids("validation"))

    def test_dataloader(self) -> TokenLoader[StreamBatch]:
        """The test split, likewise."""
        return self.stream(self.ids("test"))

    def stream(self, ids: NDArray[np.int32]) -> TokenLoader[StreamBatch]:
        """A text from its beginning to its end."""
        dataset = StreamDataset(
            ids, columns=1, window=EVALUATION_WINDOW, pad_id=self.tokenizer.pad_id
        )
        return TokenLoader(dataset, WindowSampler(dataset.num_windows, seed=self.seed))

    def encode(
        self,
        documents: Sequence[str],
        *,
        name: str = "text",
        remedy: str = "give more text",
    ) -> NDArray[np.int32]:
        """The token ids of documents as one text, marked as this data's are.

        Args:
            documents: in their order.
            name: what the text is called in an error.
            remedy: what helps then.

        Raises:
            DataError: there are fewer than two tokens, hence none to predict.
        """
        ids, lengths = self.tokenizer.encode_batch(documents)
        if self.mark_documents:
            # one mark before the first document, so that its first token is predicted, too
            ends = np.concatenate([[0], np.cumsum(lengths)])
            ids = np.insert(ids, ends, self.tokenizer.eos_id)
        if len(ids) < 2:
            raise DataError(name, expected="at least two tokens", got=str(len(ids)), remedy=remedy)
        return ids.astype(np.int32)

    def predicted_characters(self, documents: Sequence[str], ids: NDArray[np.int32]) -> int:
        """How many characters of documents the tokens stand for that are predicted.

        The first token is not. Where documents are marked it is a mark, which stands for none.

        Args:
            documents: in their order.
            ids: what `encode` makes of them.
        """
        characters = sum(map(len, documents))
        if self.mark_documents:
            return characters
        first = self.tokenizer.decode(ids[:1].tolist())
        if ids[0] == self.tokenizer.unk_id:
            first = next(tokens[0] for tokens in map(self.tokenizer.tokens, documents) if tokens)
        return characters - len(first)

    def _opened(self) -> CacheEntry:
        self.setup()
        assert self._entry is not None
        return self._entry

    def _num_columns(self, num_tokens: int) -> int:
        """As many columns as asked for, but none shorter than a window."""
        return max(1, min(self.batch_size, (num_tokens - 1) // self.window))

    def _column_notes(self, num_tokens: int) -> list[str]:
        columns = self._num_columns(num_tokens)
        if columns == self.batch_size:
            return []
        wanted = f"data.batch_size={self.batch_size}"
        return [f"train: {columns} columns in place of {wanted}, each at least a window long"]

    def _check_length(self, entry: CacheEntry) -> None:
        tokens = len(entry.splits["train"].ids)
        if tokens <= self.window:
            raise DataError(
                "data.window",
                expected=f"at most {tokens - 1}, since the training text has {tokens} tokens",
                got=str(self.window),
                remedy="lower it, or give more text",
            )

    def _key(self) -> str:
        """The name of the cache entry: all that decides about text, splits and ids."""
        parts = [
            SCHEMA,
            FACTS,
            self.task,
            self.source.key(cache_dir=self.cache_dir, datasets_dir=self.datasets_dir),
            self.mark_documents,
            self.validation_fraction,
            self.test_fraction,
            self.tokenizer.fingerprint_settings(),
            own_code(self.tokenizer),
            own_code(self.source),
        ]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()

    def _build(self) -> CacheEntry:
        documents, notes = self._load()
        self._documents = documents
        tokenizer = copy.deepcopy(self.tokenizer)
        if not tokenizer.trained:
            tokenizer.train(documents["train"])
        self.tokenizer = tokenizer
        ids = {
            split: self.encode(documents[split], name=f"split {split}", remedy=_more_text(split))
            for split in SPLITS
        }
        facts = {
            "fingerprint": hash_corpus(documents),
            "overlaps": shared_lines(documents),
            "notes": [*notes, *vocabulary_notes(tokenizer, documents, ids)],
            "documents": {split: len(documents[split]) for split in SPLITS},
            "characters": {
                split: self.predicted_characters(documents[split], ids[split]) for split in SPLITS
            },
            "unknown": int((ids["train"] == tokenizer.unk_id).sum()),
        }
        splits = {
            split: Encoded(found, np.array([0, len(found)]), None) for split, found in ids.items()
        }
        return CacheEntry(splits, tokenizer, facts)

    def _load(self) -> tuple[dict[str, Sequence[str]], list[str]]:
        corpus = self.source.load(cache_dir=self.cache_dir, datasets_dir=self.datasets_dir)
        return complete_corpus(
            corpus,
            validation_fraction=self.validation_fraction,
            test_fraction=self.test_fraction,
        )


def _more_text(split: str) -> str:
    if split == "train":
        return "give more text"
    return f"give more text, raise data.{split}_fraction, or name a file as data.source.{split}"
