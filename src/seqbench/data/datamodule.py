"""The contract of every dataset: a LightningDataModule that can say what it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from seqbench.batch import DataSpec
from seqbench.data.tokenizers.tokenizer import Tokenizer

SPLITS = ("train", "validation", "test")


class SeqDataModule(LightningDataModule, ABC):
    """A dataset in three splits; everything below is there after `setup()`.

    Attributes:
        spec: sizes and names that models and tasks need.
        overlaps: exact duplicates between two splits, e.g. {"train/test": 12}.
        notes: treatments of the data that a reader of results must know of.
        tokenizer: trained. A trained one that is set before `setup()` is used as it is.
    """

    spec: DataSpec
    overlaps: dict[str, int]
    notes: list[str]
    tokenizer: Tokenizer

    @abstractmethod
    def setup(self, stage: str | None = None) -> None:
        """Make the splits ready; `stage` is Lightning's, and all stages are one."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of the bytes that are really used: texts, labels and splits."""

    @abstractmethod
    def texts(self, split: str) -> Sequence[str]:
        """The raw texts of a split, for baselines and example tables."""

    @abstractmethod
    def labels(self, split: str) -> NDArray[np.int64]:
        """The class ids of a split, shape N."""

    @abstractmethod
    def lengths(self, split: str) -> NDArray[np.int32]:
        """Tokens of every example of a split as a model sees it, shape N."""

    @abstractmethod
    def encode_examples(
        self,
        texts: Sequence[str],
        labels: Sequence[str] | None = None,
        *,
        label_names: Sequence[str] | None = None,
    ) -> DataLoader[Any]:
        """Batches of other texts; with a trained tokenizer `setup()` is not needed for it."""
