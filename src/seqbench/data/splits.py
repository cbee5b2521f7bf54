"""Cuts the splits that a dataset lacks, stratified and seeded, and counts what two splits share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seqbench.data.datamodule import SPLITS
from seqbench.data.sources.source import Examples, SourceData
from seqbench.errors import DataError

CUT_TEST, CUT_VALIDATION, CUT_TRAIN = range(3)


def complete_splits(
    data: SourceData,
    *,
    validation_fraction: float,
    test_fraction: float,
    split_seed: int,
    train_examples: int | None = None,
) -> tuple[dict[str, Examples], list[str]]:
    """Train, validation and test; what is missing is cut from train.

    Args:
        data: what the source gave.
        validation_fraction: share of train for validation, where there is none.
        test_fraction: share of train for test, where there is none; cut first.
        split_seed: seed of both cuts, apart from the run's own.
        train_examples: keep only so many training examples, stratified; None keeps all.

    Returns:
        The splits, and a note on every cut.

    Raises:
        DataError: a class has too few examples to be in every split.
    """
    splits, notes = dict(data.splits), list(data.notes)
    for split, fraction, stream in (
        ("test", test_fraction, CUT_TEST),
        ("validation", validation_fraction, CUT_VALIDATION),
    ):
        if split in splits:
            continue
        train = splits["train"]
        rest, cut = stratified_cut(
            train.labels,
            fraction,
            seed=(split_seed, stream),
            label_names=data.label_names,
            what=split,
        )
        splits["train"], splits[split] = train.take(rest), train.take(cut)
        notes.append(
            f"{split}: {len(cut)} examples cut from train, stratified, split_seed={split_seed}"
        )
    if train_examples is not None and train_examples < len(splits["train"]):
        splits["train"] = _fewer(splits["train"], train_examples, split_seed)
        kept = len(splits["train"])
        notes.append(f"train: {kept} examples kept, stratified, split_seed={split_seed}")
    return {split: splits[split] for split in SPLITS}, notes


def stratified_cut(
    labels: NDArray[np.int64],
    fraction: float,
    *,
    seed: Sequence[int],
    label_names: Sequence[str],
    what: str,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that stay and rows that are cut, in order; each class gives its share, at least one.

    Raises:
        DataError: a class has fewer than two examples.
    """
    if not 0 < fraction < 1:
        raise DataError(
            f"data.{what}_fraction",
            expected=f"a number between 0 and 1, since the data has no {what} split",
            got=f"{fraction}",
        )
    counts = np.bincount(labels, minlength=len(label_names))
    for label, count in enumerate(counts):
        if count == 1:
            raise DataError(
                f"class {label_names[label]!r}",
                expected=f"at least 2 training examples, so that one can be cut for {what}",
                got=f"{count}",
                remedy=f"leave the class out, or give a {what} split of your own (3 examples are "
                "enough where validation and test are both cut)",
            )
    rng = np.random.default_rng(list(seed))
    cut_rows = []
    for label, share in enumerate(_shares(counts, fraction * len(labels))):
        rows = rng.permutation(np.flatnonzero(labels == label))
        cut_rows.append(rows[:share])
    cut = np.sort(np.concatenate(cut_rows)).astype(np.int64)
    rest = np.setdiff1d(np.arange(len(labels), dtype=np.int64), cut, assume_unique=True)
    return rest, cut


def count_overlaps(splits: dict[str, Examples]) -> dict[str, int]:
    """How many examples of the later split have a text that the earlier one has too, exactly."""
    texts = {split: set(examples.texts) for split, examples in splits.items()}
    return {
        f"{a}/{b}": sum(text in texts[a] for text in splits[b].texts)
        for a, b in combinations([split for split in SPLITS if split in splits], 2)
    }


def _fewer(examples: Examples, number: int, split_seed: int) -> Examples:
    """A stratified part of the examples, at least one of every class.

    Raises:
        DataError: there are more classes than examples wanted.
    """
    counts = np.bincount(examples.labels)
    if number < (present := np.count_nonzero(counts)):
        raise DataError(
            "data.train_examples",
            expected=f"at least {present}, one a class",
            got=f"{number}",
        )
    shares = _shares(counts, number, leave_one=False)
    while shares.sum() > number:  # rare classes were rounded up: the largest makes room
        shares[shares.argmax()] -= 1
    rng = np.random.default_rng([split_seed, CUT_TRAIN])
    kept = []
    for label, share in enumerate(shares):
        kept.append(rng.permutation(np.flatnonzero(examples.labels == label))[:share])
    return examples.take(np.sort(np.concatenate(kept)).astype(np.int64))


def _shares(
    counts: NDArray[np.int64], total: float, *, leave_one: bool = True
) -> NDArray[np.int64]:
    """How many of each class to take: proportional, largest remainders up, at least one of each."""
    exact = counts / max(1, counts.sum()) * total
    shares = np.floor(exact).astype(np.int64)
    missing = round(total) - int(shares.sum())
    if missing > 0:
        shares[np.argsort(-(exact - shares), kind="stable")[:missing]] += 1
    most = counts - (1 if leave_one else 0)
    clipped: NDArray[np.int64] = np.clip(shares, np.minimum(1, counts), np.maximum(most, 0))
    return clipped
