from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqbench.data.examples import examples_loader
from seqbench.data.file_text_classification import FileTextClassificationData
from seqbench.data.sources.files import Files
from seqbench.data.sources.hub import HubSource
from seqbench.data.text_classification import TextClassificationData
from seqbench.data.tokenizers.word import WordTokenizer
from seqbench.errors import DataError

Make = Callable[..., TextClassificationData]


def test_the_spec_says_what_there_is(make_imdb: Make) -> None:
    data = make_imdb(max_len=5)
    data.prepare_data()
    data.setup()
    spec = data.spec
    assert (spec.task, spec.num_classes, spec.label_names) == (
        "classification",
        2,
        ("negative", "positive"),
    )
    assert spec.num_examples == {"train": 18, "validation": 2, "test": 20}
    assert sum(spec.label_counts) == 18 and spec.max_len == 5 and spec.pad_id == 0
    assert spec.vocab_size == data.tokenizer.vocab_size
    assert any("validation: 2 examples cut from train" in note for note in data.notes)
    assert "test: 20 texts cut to their first 5 tokens" in data.notes
    assert data.lengths("test").tolist() == [5] * 20


def test_the_vocabulary_is_of_the_training_split_alone(make_imdb: Make) -> None:
    data = make_imdb()
    data.setup()
    assert "train" in data.tokenizer.vocabulary()  # type: ignore[attr-defined]
    assert "test" not in data.tokenizer.vocabulary()  # type: ignore[attr-defined]


def test_the_tokenizer_passed_in_stays_untrained(make_imdb: Make) -> None:
    tokenizer = WordTokenizer(min_freq=1)
    data = make_imdb(tokenizer=tokenizer)
    data.setup()
    assert data.tokenizer.trained and not tokenizer.trained


def test_a_trained_tokenizer_is_used_as_it_is(make_imdb: Make) -> None:
    tokenizer = WordTokenizer(min_freq=1)
    tokenizer.train(["fine film"])
    data = make_imdb(tokenizer=tokenizer)
    data.setup()
    assert data.spec.vocab_size == 6
    assert data.tokenizer.fingerprint() == tokenizer.fingerprint()


def test_batches_texts_and_labels_agree(make_imdb: Make) -> None:
    data = make_imdb()
    data.setup()
    for batches, split in ((data.train_dataloader(), "train"), (data.test_dataloader(), "test")):
        texts, labels, seen = data.texts(split), data.labels(split), []
        for batch in batches:
            assert batch.labels_B is not None
            assert batch.labels_B.tolist() == labels[batch.rows_B.numpy()].tolist()
            for ids, length, row in zip(batch.ids_BT, batch.lengths_B, batch.rows_B, strict=True):
                assert ids[:length].tolist() == data.tokenizer.encode(texts[row])
                seen.append(int(row))
        assert sorted(seen) == list(range(len(texts)))


def test_the_seed_orders_batches_and_leaves_splits_alone(make_imdb: Make) -> None:
    one, other = make_imdb(seed=1), make_imdb(seed=2)
    order = [[b.rows_B.tolist() for b in data.train_dataloader()] for data in (one, other)]
    assert order[0] != order[1]
    assert one.fingerprint() == other.fingerprint()
    assert make_imdb(split_seed=1).fingerprint() != one.fingerprint()


def test_texts_that_change_in_the_middle_of_a_run_are_noticed(
    make_imdb: Make, mirror: Path
) -> None:
    make_imdb().setup()
    warm = make_imdb()
    warm.setup()
    path = mirror / "stanfordnlp/imdb/test.parquet"
    changed = pq.read_table(path).to_pydict() | {"label": [1] * 20}
    pq.write_table(pa.table(changed), path)
    with pytest.raises(DataError, match="expected the texts that the run began with"):
        warm.texts("train")


def test_other_texts_need_no_data_once_the_tokenizer_is_there(
    make_imdb: Make, tmp_path: Path
) -> None:
    trained = make_imdb()
    trained.setup()
    bare = make_imdb(datasets_dir=tmp_path / "nowhere")
    bare.tokenizer = trained.tokenizer
    texts = ["a fine film", "", "a dull mess of a film and more"]
    (batch,) = bare.encode_examples(texts)
    assert sorted(batch.rows_B.tolist()) == [0, 1, 2] and batch.labels_B is None
    (batch,) = bare.encode_examples(
        texts, ["positive", "negative", "negative"], label_names=["negative", "positive"]
    )
    assert batch.labels_B is not None
    assert batch.labels_B[batch.rows_B.argsort()].tolist() == [1, 0, 0]
    with pytest.raises(
        DataError, match=r"label of example 1: .* got 'postive'; did you mean 'positive'"
    ):
        trained.encode_examples(["a"], ["postive"])
    with pytest.raises(DataError, match="texts: expected at least one, got none"):
        trained.encode_examples([])


def test_examples_loader_needs_a_tokenizer_only() -> None:
    tokenizer = WordTokenizer(min_freq=1)
    tokenizer.train(["a b c d"])
    (batch,) = examples_loader(["a b c", "d"], tokenizer=tokenizer, label_names=[], max_len=2)
    assert batch.lengths_B.tolist() == [2, 1]


def files_data(tmp_path: Path, train: str, **options: Any) -> FileTextClassificationData:
    path = tmp_path / "train.csv"
    path.write_text(train)
    return FileTextClassificationData(
        files=Files(train=str(path)),
        tokenizer=WordTokenizer(min_freq=1),
        seed=0,
        cache_dir=tmp_path / "cache",
        datasets_dir=None,
        **options,
    )


def test_ones_own_file_is_cut_in_three(tmp_path: Path) -> None:
    rows = "".join(f"{('nice', 'ugly')[i % 2]} {i},{('good', 'bad')[i % 2]}\n" for i in range(100))
    data = files_data(tmp_path, "text,label\n,good\n" + "word " * 100_000 + ",bad\n" + rows)
    data.setup()
    assert data.spec.num_examples == {"train": 83, "validation": 9, "test": 10}
    assert sum("texts without a token became one unknown token" in note for note in data.notes) == 1
    assert sum("texts cut to their first 256 tokens" in note for note in data.notes) == 1
    assert (
        max(
            b.ids_BT.shape[1]
            for s in ("train", "val", "test")
            for b in getattr(data, f"{s}_dataloader")()
        )
        <= 256
    )


def test_a_class_too_small_to_split_is_named(tmp_path: Path) -> None:
    rows = "".join(f"text {i},good\n" for i in range(20))
    with pytest.raises(DataError, match="class 'rare': expected at least 2 training examples"):
        files_data(tmp_path, f"text,label\n{rows}odd,rare\n").setup()


def test_a_changed_file_is_seen(tmp_path: Path) -> None:
    rows = "".join(f"text {i},{i % 2}\n" for i in range(20))
    before = files_data(tmp_path, "text,label\n" + rows)
    fingerprint = before.fingerprint()
    assert files_data(tmp_path, "text,label\n" + rows).fingerprint() == fingerprint
    assert (
        files_data(tmp_path, "text,label\n" + rows.replace("text 3", "tent 3")).fingerprint()
        != fingerprint
    )


def test_a_warm_start_imports_nothing_that_texts_need(
    make_imdb: Make, mirror: Path, tmp_path: Path
) -> None:
    make_imdb().setup()
    code = f"""
import sys
from seqbench.data.sources.hub import HubSource
from seqbench.data.text_classification import TextClassificationData
from seqbench.data.tokenizers.word import WordTokenizer
data = TextClassificationData(
    source=HubSource(
        hub_id="stanfordnlp/imdb", label_names=["negative", "positive"], clean="html_breaks"),
    tokenizer=WordTokenizer(min_freq=1), seed=1, cache_dir={str(tmp_path / "cache")!r},
    datasets_dir={str(mirror)!r}, batch_size=4)
data.source.load = None
data.setup()
heavy = ("datasets", "sklearn", "pandas", "tokenizers", "torchtext")
sys.exit(any(name in sys.modules for name in heavy))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.mirror
def test_imdb_as_it_is(real_mirror: Path, make_imdb: Make, tmp_path: Path) -> None:
    data = make_imdb(datasets_dir=real_mirror, tokenizer=WordTokenizer())
    data.setup()
    assert data.spec.num_examples == {"train": 22500, "validation": 2500, "test": 25000}
    assert data.spec.vocab_size == 20004
    assert data.overlaps["train/test"] > 100
    assert np.bincount(data.labels("validation")).tolist() == [1250, 1250]


def test_one_class_is_not_enough(make_imdb: Make, mirror: Path) -> None:
    for split in ("train", "test"):
        path = mirror / f"stanfordnlp/imdb/{split}.parquet"
        pq.write_table(pa.table(pq.read_table(path).to_pydict() | {"label": [0] * 20}), path)
    source = HubSource(hub_id="stanfordnlp/imdb", label_names=["only"])
    with pytest.raises(DataError, match="data: expected at least 2 classes, got only only"):
        make_imdb(source=source).setup()
