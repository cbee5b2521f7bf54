"""Documents of the hub as running text: sorted ones are shuffled, and cut as wholes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqbench.data.sources.corpus import Corpus, complete_corpus
from seqbench.data.sources.hub_text import HubTextSource


@pytest.fixture
def sorted_reviews(tmp_path: Path) -> Path:
    """A mirror with a dataset whose rows are sorted by class, as IMDB's are."""
    folder = tmp_path / "mirror" / "a/reviews"
    folder.mkdir(parents=True)
    texts = [
        f"{word} film , number {n}\nseen twice" for word in ("bad", "good") for n in range(200)
    ]
    pq.write_table(pa.table({"text": texts}), folder / "train.parquet")
    pq.write_table(pa.table({"text": texts[::-1]}), folder / "test.parquet")
    return tmp_path / "mirror"


def corpus(mirror: Path, shuffle_seed: int | None) -> Corpus:
    source = HubTextSource(hub_id="a/reviews", shuffle_seed=shuffle_seed)
    return source.load(cache_dir=mirror, datasets_dir=mirror)


def test_validation_holds_whole_documents_of_every_class(sorted_reviews: Path) -> None:
    found = corpus(sorted_reviews, 0)
    splits, notes = complete_corpus(found, validation_fraction=0.2, test_fraction=0.2)
    everything = corpus(sorted_reviews, None).splits["train"]
    assert sorted([*splits["train"], *splits["validation"]]) == sorted(everything)
    good = sum(text.startswith("good") for text in splits["validation"])
    assert 0.3 < good / len(splits["validation"]) < 0.7
    size = sum(map(len, splits["validation"]))
    assert 0.2 <= size / sum(map(len, everything)) < 0.21
    assert notes == [
        "train: documents in an order drawn with seed 0",
        f"validation: {len(splits['validation'])} whole documents of train, {size:,} characters",
    ]


def test_in_their_order_the_last_ones_are_of_one_class(sorted_reviews: Path) -> None:
    """What the seed is for."""
    splits, _ = complete_corpus(
        corpus(sorted_reviews, None), validation_fraction=0.2, test_fraction=0.2
    )
    assert not any("bad" in text for text in splits["validation"])


def test_the_order_follows_the_seed_and_test_keeps_its_own(sorted_reviews: Path) -> None:
    first, again, other = (corpus(sorted_reviews, seed) for seed in (0, 0, 1))
    assert first == again
    assert first.splits["train"] != other.splits["train"]
    assert (
        first.splits["test"] == other.splits["test"] == corpus(sorted_reviews, None).splits["test"]
    )
    keys = {
        HubTextSource(hub_id="a/reviews", shuffle_seed=seed).key(
            cache_dir=sorted_reviews, datasets_dir=sorted_reviews
        )
        for seed in (None, 0, 1)
    }
    assert len(keys) == 3


def test_both_splits_are_drawn_where_there_is_neither() -> None:
    documents = [f"document {n}" for n in range(100)]
    found = Corpus(splits={"train": documents}, shuffled=True)
    splits, _ = complete_corpus(found, validation_fraction=0.1, test_fraction=0.3)
    assert splits["train"] + splits["validation"] + splits["test"] == documents
    assert 9 <= len(splits["validation"]) <= 11
    assert 29 <= len(splits["test"]) <= 31
