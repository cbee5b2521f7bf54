"""What all classification data have in common: splits, token cache, spec, loaders."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqbench.batch import DataSpec, TokenBatch
from seqbench.data.batching import LengthBatchSampler
from seqbench.data.datamodule import SeqDataModule
from seqbench.data.encoded import Encoded, encode_texts
from seqbench.data.examples import EVALUATION_FACTOR, examples_loader
from seqbench.data.loader import TokenDataset, TokenLoader, Truncate
from seqbench.data.sources.source import Examples, Source, hash_examples
from seqbench.data.splits import complete_splits, count_overlaps
from seqbench.data.token_cache import SCHEMA, CacheEntry, cached, own_code
from seqbench.data.tokenizers.tokenizer import Tokenizer
from seqbench.errors import DataError


class ClassificationModule(SeqDataModule):
    """Classified texts from a source; see `TextClassificationData` for the arguments.

    With a warm token cache `setup` reads neither texts nor the libraries that texts need; texts are
    read when they are asked for.

    Attributes:
        spec: sizes and names, after `setup`.
        overlaps: exact duplicates between splits.
        tokenizer: trained after `setup`; never the object that was passed in.
        notes: treatments of the data that a reader of results must know of.
    """

    task = "classification"

    def __init__(
        self,
        *,
        source: Source,
        tokenizer: Tokenizer,
        seed: int,
        cache_dir: Path,
        datasets_dir: Path | None,
        max_len: int,
        truncate: Truncate,
        batch_size: int,
        max_tokens: int | None,
        validation_fraction: float,
        test_fraction: float,
        split_seed: int,
        train_examples: int | None,
        shuffle_tokens: bool,
        num_workers: int,
    ) -> None:
        super().__init__()
        self.source = source
        self.tokenizer = copy.deepcopy(tokenizer)
        self.seed = seed
        self.cache_dir = cache_dir
        self.datasets_dir = datasets_dir
        self.max_len = max_len
        self.truncate = truncate
        self.batch_size = batch_size
        self.max_tokens = max_tokens
        self.validation_fraction = validation_fraction
        self.test_fraction = test_fraction
        self.split_seed = split_seed
        self.train_examples = train_examples
        self.shuffle_tokens = shuffle_tokens
        self.num_workers = num_workers
        self.notes: list[str] = []
        self.overlaps = {}
        self._entry: CacheEntry | None = None
        self._examples: dict[str, Examples] | None = None

    def prepare_data(self) -> None:
        """Build the token cache where it is missing."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Open the token cache, building it first where it is missing.

        Raises:
            DataError: the source cannot be read or split.
        """
        if self._entry is not None:
            return
        entry = cached(
            self.cache_dir / "tokens" / self._key(),
            build=self._build,
            load_tokenizer=type(self.tokenizer).load,
        )
        self._entry, self.tokenizer = entry, entry.tokenizer
        self.overlaps = dict(entry.facts["overlaps"])
        self.notes = [*entry.facts["notes"], *self._truncation_notes(entry)]
        labels = entry.splits["train"].labels
        assert labels is not None
        label_names = tuple(entry.facts["label_names"])
        self.spec = DataSpec(
            task=self.task,
            vocab_size=self.tokenizer.vocab_size,
            pad_id=self.tokenizer.pad_id,
            num_classes=len(label_names),
            label_names=label_names,
            label_counts=tuple(np.bincount(labels, minlength=len(label_names)).tolist()),
            max_len=self.max_len,
            num_examples={split: len(encoded) for split, encoded in entry.splits.items()},
        )

    def fingerprint(self) -> str:
        """A hash of texts, labels and splits as they are used."""
        return str(self._opened().facts["fingerprint"])

    def texts(self, split: str) -> Sequence[str]:
        """The raw texts of a split, read from the source when first asked for."""
        return self._raw()[split].texts

    def labels(self, split: str) -> NDArray[np.int64]:
        """The class ids of a split, shape N."""
        labels = self.encoded(split).labels
        assert labels is not None
        return labels

    def lengths(self, split: str) -> NDArray[np.int32]:
        """Tokens of every example of a split, truncated, shape N."""
        return np.minimum(self.encoded(split).lengths, self.max_len).astype(np.int32)

    def encoded(self, split: str) -> Encoded:
        """The token ids of a split, not truncated."""
        return self._opened().splits[split]

    def train_dataloader(self) -> TokenLoader[TokenBatch]:
        """Shuffled batches of similar length; each rank's own part."""
        return self._loader(self.encoded("train"), shuffle=True)

    def val_dataloader(self) -> TokenLoader[TokenBatch]:
        """The validation split, the longest first; `rows_B` says which example is which."""
        return self._loader(self.encoded("validation"), shuffle=False)

    def test_dataloader(self) -> TokenLoader[TokenBatch]:
        """The test split, likewise."""
        return self._loader(self.encoded("test"), shuffle=False)

    def predict_dataloader(self) -> TokenLoader[TokenBatch]:
        """The test split, likewise."""
        return self.test_dataloader()

    def encode_examples(
        self,
        texts: Sequence[str],
        labels: Sequence[str] | None = None,
        *,
        label_names: Sequence[str] | None = None,
    ) -> TokenLoader[TokenBatch]:
        """Batches of other texts, the longest first; `rows_B` says which text is which.

        Args:
            texts: raw texts; at least one.
            labels: their class names, where they are known.
            label_names: the classes by id; None takes this data's own, which `setup` reads.

        Raises:
            DataError: there is no text, or a label is not one of the classes.
        """
        if not self.tokenizer.trained:
            self.setup()
        if labels is not None and label_names is None:
            label_names = self._opened().facts["label_names"]
        return examples_loader(
            texts,
            labels,
            tokenizer=self.tokenizer,
            label_names=label_names or (),
            max_len=self.max_len,
            truncate=self.truncate,
            batch_size=self.batch_size * EVALUATION_FACTOR,
            max_tokens=self.max_tokens * EVALUATION_FACTOR if self.max_tokens else None,
            shuffle_tokens=self.shuffle_tokens,
            seed=self.seed,
        )

    def _loader(self, encoded: Encoded, *, shuffle: bool) -> TokenLoader[TokenBatch]:
        dataset = TokenDataset(
            encoded,
            max_len=self.max_len,
            truncate=self.truncate,
            pad_id=self.tokenizer.pad_id,
            shuffle_tokens=self.shuffle_tokens,
            seed=self.seed,
        )
        factor = 1 if shuffle else EVALUATION_FACTOR
        rank, world = self._rank_and_world()
        sampler = LengthBatchSampler(
            dataset.lengths,
            batch_size=self.batch_size * factor,
            max_tokens=self.max_tokens * factor if self.max_tokens else None,
            shuffle=shuffle,
            seed=self.seed,
            rank=rank,
            world=world,
        )
        return TokenLoader(dataset, sampler, num_workers=self.num_workers)

    def _rank_and_world(self) -> tuple[int, int]:
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size

    def _opened(self) -> CacheEntry:
        self.setup()
        assert self._entry is not None
        return self._entry

    def _key(self) -> str:
        """The name of the cache entry: all that decides about texts, splits and ids."""
        parts = [
            SCHEMA,
            self.source.key(cache_dir=self.cache_dir, datasets_dir=self.datasets_dir),
            self.validation_fraction,
            self.test_fraction,
            self.split_seed,
            self.train_examples,
            self.tokenizer.fingerprint_settings(),
            own_code(self.tokenizer),
            own_code(self.source),
        ]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()

    def _build(self) -> CacheEntry:
        splits, notes, label_names = self._load()
        tokenizer = copy.deepcopy(self.tokenizer)
        if not tokenizer.trained:
            tokenizer.train(splits["train"].texts)
        encoded: dict[str, Encoded] = {}
        for split, examples in splits.items():
            encoded[split], num_empty = encode_texts(examples.texts, examples.labels, tokenizer)
            if num_empty:
                notes.append(f"{split}: {num_empty} texts without a token became one unknown token")
        facts = {
            "fingerprint": hash_examples(splits, label_names),
            "overlaps": count_overlaps(splits),
            "notes": notes,
            "label_names": label_names,
        }
        return CacheEntry(encoded, tokenizer, facts)

    def _load(self) -> tuple[dict[str, Examples], list[str], list[str]]:
        """The three splits, notes and label names; the splits are kept for `texts`."""
        data = self.source.load(cache_dir=self.cache_dir, datasets_dir=self.datasets_dir)
        if len(data.label_names) < 2:
            raise DataError(
                "data", expected="at least 2 classes", got=f"only {', '.join(data.label_names)}"
            )
        splits, notes = complete_splits(
            data,
            validation_fraction=self.validation_fraction,
            test_fraction=self.test_fraction,
            split_seed=self.split_seed,
            train_examples=self.train_examples,
        )
        self._examples = splits
        return splits, notes, list(data.label_names)

    def _raw(self) -> dict[str, Examples]:
        if self._examples is None:
            known = self.fingerprint()
            splits, _, label_names = self._load()
            if hash_examples(splits, label_names) != known:
                self._examples = None
                raise DataError(
                    "data",
                    expected="the texts that the run began with",
                    got="changed ones",
                    remedy="start the run again",
                )
        assert self._examples is not None
        return self._examples

    def _truncation_notes(self, entry: CacheEntry) -> list[str]:
        counts = {s: int((e.lengths > self.max_len).sum()) for s, e in entry.splits.items()}
        kept = "first" if self.truncate == "head" else "last"
        return [
            f"{split}: {count} texts cut to their {kept} {self.max_len} tokens"
            for split, count in counts.items()
            if count
        ]
