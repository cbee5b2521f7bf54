"""Classified texts of any source as a data module."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from seqbench.data.classification_module import ClassificationModule
from seqbench.data.sources.source import Source
from seqbench.data.tokenizers.tokenizer import Tokenizer
from seqbench.domains import Fraction, NonNegativeInt, PositiveInt


class TextClassificationData(ClassificationModule):
    """A dataset with a name: texts and their classes.

    Args:
        source: where texts and labels come from.
        tokenizer: untrained: it is trained on the training split. A trained one is used as it is.
        seed: the run's seed: order of batches.
        cache_dir: folder for token ids and for what sources keep.
        datasets_dir: the local mirror of the hub; None without one.
        max_len: longer texts are cut to so many tokens.
        truncate: which end of a longer text is kept: "head" or "tail".
        batch_size: most examples a training batch; evaluation takes four times as many.
        max_tokens: most tokens a training batch, padding included; evaluation likewise.
        validation_fraction: share of train for validation, where the dataset has none.
        test_fraction: share of train for test, where the dataset has none.
        split_seed: of these cuts and of `train_examples`, apart from the run's own seed.
        train_examples: train on only so many examples, stratified; None takes all.
        shuffle_tokens: destroy word order, to see what it is worth.
        num_workers: processes that load batches; 0 loads in the training process.
    """

    def __init__(
        self,
        *,
        source: Source,
        tokenizer: Tokenizer,
        seed: int,
        cache_dir: str | Path,
        datasets_dir: str | Path | None,
        max_len: PositiveInt = 256,
        truncate: Literal["head", "tail"] = "head",
        batch_size: PositiveInt = 64,
        max_tokens: PositiveInt | None = 16384,
        validation_fraction: Fraction = 0.1,
        test_fraction: Fraction = 0.1,
        split_seed: NonNegativeInt = 0,
        train_examples: PositiveInt | None = None,
        shuffle_tokens: bool = False,
        num_workers: NonNegativeInt = 0,
    ) -> None:
        super().__init__(
            source=source,
            tokenizer=tokenizer,
            seed=seed,
            cache_dir=Path(cache_dir),
            datasets_dir=Path(datasets_dir) if datasets_dir else None,
            max_len=max_len,
            truncate=truncate,
            batch_size=batch_size,
            max_tokens=max_tokens,
            validation_fraction=validation_fraction,
            test_fraction=test_fraction,
            split_seed=split_seed,
            train_examples=train_examples,
            shuffle_tokens=shuffle_tokens,
            num_workers=num_workers,
        )
