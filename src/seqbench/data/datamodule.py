"""The contract of every dataset: a LightningDataModule that can say what it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from pytorch_lightning import LightningDataModule

from seqbench.batch import DataSpec
from seqbench.data.tokenizers.tokenizer import Tokenizer

SPLITS = ("train", "validation", "test")


class SeqDataModule(LightningDataModule, ABC):
    """A dataset in three splits; all below but `task` is there after `setup()`.

    Attributes:
        task: the task kind that it is for, e.g. "classification".
        spec: sizes and names that models and tasks need.
        overlaps: exact duplicates between two splits, e.g. {"train/test": 12}.
        notes: treatments of the data that a reader of results must know of.
        tokenizer: trained. A trained one that is set before `setup()` is used as it is.
    """

    task: ClassVar[str]
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
