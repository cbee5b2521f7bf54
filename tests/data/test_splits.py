from __future__ import annotations

import numpy as np
import pytest

from seqbench.data.sources.source import Examples, SourceData, hash_examples
from seqbench.data.splits import complete_splits, count_overlaps, stratified_cut
from seqbench.errors import DataError

NAMES = ("a", "b", "c")


def examples(counts: list[int]) -> Examples:
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    return Examples(texts=[f"text {row}" for row in range(len(labels))], labels=labels)


def cut(labels: np.ndarray, fraction: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return stratified_cut(labels, fraction, seed=[seed], label_names=NAMES, what="test")


def test_each_class_gives_its_share() -> None:
    labels = examples([100, 50, 10]).labels
    rest, taken = cut(labels, 0.1)
    assert np.bincount(labels[taken]).tolist() == [10, 5, 1]
    assert sorted([*rest, *taken]) == list(range(160))
    assert (np.diff(taken) > 0).all()


def test_a_small_class_gives_one_and_keeps_one() -> None:
    labels = examples([100, 2, 3]).labels
    rest, taken = cut(labels, 0.1)
    assert np.bincount(labels[taken])[1:].tolist() == [1, 1]
    assert np.bincount(labels[rest])[1:].tolist() == [1, 2]


def test_the_cut_depends_on_its_seed_alone() -> None:
    labels = examples([100, 50, 10]).labels
    assert cut(labels, 0.1)[1].tolist() == cut(labels, 0.1)[1].tolist()
    assert cut(labels, 0.1)[1].tolist() != cut(labels, 0.1, seed=1)[1].tolist()


def test_a_class_of_one_cannot_be_cut() -> None:
    with pytest.raises(
        DataError, match=r"class 'b': expected at least 2 training examples, .*got 1"
    ):
        cut(examples([9, 1, 5]).labels, 0.2)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_a_fraction_must_leave_something(fraction: float) -> None:
    with pytest.raises(DataError, match=r"data\.test_fraction: expected a number between 0 and 1"):
        cut(examples([9, 9, 9]).labels, fraction)


def complete(data: SourceData, **options: int) -> tuple[dict[str, Examples], list[str]]:
    return complete_splits(
        data, validation_fraction=0.1, test_fraction=0.2, split_seed=0, **options
    )


def test_what_is_missing_is_cut_and_noted() -> None:
    data = SourceData(splits={"train": examples([50, 50])}, label_names=("a", "b"), notes=("n",))
    splits, notes = complete(data)
    assert {split: len(own) for split, own in splits.items()} == {
        "train": 72,
        "validation": 8,
        "test": 20,
    }
    assert notes[0] == "n" and notes[1].startswith("test: 20 examples cut from train, stratified")
    together = [text for own in splits.values() for text in own.texts]
    assert sorted(together) == sorted(data.splits["train"].texts)


def test_what_is_there_is_left_alone() -> None:
    given = {split: examples([5, 5]) for split in ("train", "validation", "test")}
    splits, notes = complete(SourceData(splits=given, label_names=("a", "b")))
    assert splits == given and notes == []


def test_fewer_training_examples_are_stratified_and_leave_other_splits_alone() -> None:
    data = SourceData(splits={"train": examples([60, 40])}, label_names=("a", "b"))
    all_of_it, _ = complete(data)
    fewer, notes = complete(data, train_examples=10)
    assert np.bincount(fewer["train"].labels).tolist() == [6, 4]
    assert fewer["test"].texts == all_of_it["test"].texts
    assert notes[-1].startswith("train: 10 examples kept")


def test_overlaps_are_counted_by_the_later_split() -> None:
    def of(*texts: str) -> Examples:
        return Examples(texts=texts, labels=np.zeros(len(texts), dtype=np.int64))

    splits = {
        "train": of("a", "b", "b"),
        "validation": of("b", "c"),
        "test": of("a", "a", "c", "A"),
    }
    assert count_overlaps(splits) == {"train/validation": 1, "train/test": 2, "validation/test": 1}


def test_the_hash_sees_texts_labels_names_and_splits() -> None:
    one = {"train": examples([2, 2])}
    variants = [
        hash_examples(one, ["a", "b"]),
        hash_examples(one, ["a", "c"]),
        hash_examples({"test": one["train"]}, ["a", "b"]),
        hash_examples({"train": examples([3, 1])}, ["a", "b"]),
        hash_examples({"train": Examples(texts=["x"] * 4, labels=one["train"].labels)}, ["a", "b"]),
    ]
    assert len(set(variants)) == len(variants)
    assert hash_examples(one, ["a", "b"]) == variants[0]


def test_rare_classes_are_within_the_number_asked_for() -> None:
    data = SourceData(splits={"train": examples([1000, 3, 3])}, label_names=NAMES)
    fewer, notes = complete(data, train_examples=10)
    assert np.bincount(fewer["train"].labels).tolist() == [8, 1, 1]
    assert notes[-1].startswith("train: 10 examples kept")
    with pytest.raises(DataError, match=r"data\.train_examples: expected at least 3, one a class"):
        complete(data, train_examples=2)
