"""Running text as data: splits, marks, vocabulary from train alone, what is too short."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqbench.batch import IGNORED
from seqbench.data.language_modeling import LanguageModelingData
from seqbench.data.sources.corpus import Corpus, complete_corpus, shared_lines
from seqbench.data.sources.hub_text import HubTextSource
from seqbench.data.sources.python_reference import PythonReferenceSource, without_repetitions
from seqbench.data.sources.text_files import TextFileSource
from seqbench.data.tokenizers.bpe import BpeTokenizer
from seqbench.data.tokenizers.char import CharTokenizer
from seqbench.data.tokenizers.whitespace import WhitespaceTokenizer
from seqbench.errors import ConfigError, DataError
from seqbench.tasks.language_modeling import tokens_per_character

VERSE = "the cat sat on the mat\n"


def data(source: Any, tmp_path: Path, **options: Any) -> LanguageModelingData:
    made: dict[str, Any] = {
        "source": source, "tokenizer": CharTokenizer(), "seed": 0, "cache_dir": tmp_path / "cache",
        "datasets_dir": None, "window": 8, "batch_size": 4,
    }  # fmt: skip
    module = LanguageModelingData(**(made | options))
    module.setup()
    return module


@pytest.fixture
def book(tmp_path: Path) -> TextFileSource:
    (tmp_path / "book.txt").write_text(VERSE * 40)
    return TextFileSource(train=str(tmp_path / "book.txt"))


def test_splits_are_pieces_of_the_text(book: TextFileSource, tmp_path: Path) -> None:
    module = data(book, tmp_path, validation_fraction=0.1, test_fraction=0.2)
    texts = [module.texts(split)[0] for split in ("train", "validation", "test")]
    assert "".join(texts) == VERSE * 40
    assert [len(text) // len(VERSE) for text in texts] == [28, 4, 8]
    assert module.tokenizer.decode(module.ids("test").tolist()) == texts[2]
    assert module.notes[0] == "test: the last 184 characters, cut from train in one piece"
    for split, tokens in module.spec.num_tokens.items():
        assert module.spec.num_characters[split] == tokens - 1  # the first is context only
    assert module.overlaps == {"train/validation": 0, "train/test": 0, "validation/test": 0}


def test_the_vocabulary_is_that_of_train_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(VERSE * 20)
    (tmp_path / "b.txt").write_text("the dog\n" * 9)
    source = TextFileSource(train=str(tmp_path / "a.txt"), test=str(tmp_path / "b.txt"))
    module = data(source, tmp_path)
    assert module.tokenizer.unk_id in module.ids("test")
    assert module.spec.num_unknown == 0


def test_a_warm_cache_gives_the_same_and_reads_no_text(
    book: TextFileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = data(book, tmp_path)
    monkeypatch.setattr(TextFileSource, "load", None)
    warm = data(book, tmp_path)
    assert warm.spec == cold.spec
    assert warm.fingerprint() == cold.fingerprint()
    assert np.array_equal(warm.ids("train"), cold.ids("train"))


def test_marked_documents_end_by_a_token_that_is_predicted(tmp_path: Path) -> None:
    folder = tmp_path / "poems"
    folder.mkdir()
    for name, text in (("b", "dog dog"), ("a", "cat"), ("c", "")):
        (folder / f"{name}.txt").write_text(text)
    (tmp_path / "other.txt").write_text("cat")
    other = str(tmp_path / "other.txt")
    source = TextFileSource(train=str(folder), validation=other, test=other)
    options = {"tokenizer": WhitespaceTokenizer(), "window": 2, "mark_documents": True}
    module = data(source, tmp_path, **options)
    end, dog, cat = module.tokenizer.eos_id, 4, 5
    assert module.ids("train").tolist() == [end, cat, end, dog, dog, end]
    (batch,) = module.test_dataloader()
    assert batch.targets_BT.tolist() == [[cat, end]]
    assert data(source, tmp_path, **options, rotate=False).spec.num_examples["train"] == 2


def _per_character(module: LanguageModelingData, split: str) -> Fraction:
    """Predicted tokens a character, exactly: what bits a token are multiplied by."""
    exact = Fraction(module.spec.num_tokens[split] - 1, module.spec.num_characters[split])
    assert tokens_per_character(module.spec, split) == float(exact)
    return exact


def test_characters_are_those_of_the_predicted_tokens(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(VERSE * 20)
    (tmp_path / "b.txt").write_text("the dog\n" * 9)  # of these words it knows but one
    (tmp_path / "c.txt").write_text("Xerxes sat\n")  # no X in train, nor an r
    source = TextFileSource(
        train=str(tmp_path / "a.txt"), validation=str(tmp_path / "b.txt"),
        test=str(tmp_path / "c.txt"),
    )  # fmt: skip
    by_character = data(source, tmp_path)
    assert _per_character(by_character, "validation") == 1
    assert by_character.ids("test")[0] == by_character.tokenizer.unk_id
    assert _per_character(by_character, "test") == 1
    by_word = data(source, tmp_path, tokenizer=WhitespaceTokenizer())
    assert _per_character(by_word, "validation") == Fraction(17, 9 * 8 - len("the"))
    assert _per_character(by_word, "test") == Fraction(1, len("Xerxes sat\n") - len("Xerxes"))
    marked = data(source, tmp_path, tokenizer=WhitespaceTokenizer(), mark_documents=True)
    assert _per_character(marked, "validation") == Fraction(18 + 1, 9 * 8)  # all words, one mark
    subwords = data(source, tmp_path, tokenizer=BpeTokenizer(max_vocab=300))
    first = subwords.tokenizer.tokens("the dog")[0]
    assert subwords.spec.num_characters["validation"] == 9 * 8 - len(first)


def test_evaluation_is_one_stream(book: TextFileSource, tmp_path: Path) -> None:
    module = data(book, tmp_path)
    (batch,) = module.val_dataloader()
    assert batch.ids_BT.shape == (1, len(module.ids("validation")) - 1)
    assert (batch.targets_BT != IGNORED).all()


def test_wikitext_has_a_mark_a_line(mirror_dir: Path, tmp_path: Path) -> None:
    source = HubTextSource(hub_id="Salesforce/wikitext", config="wikitext-2-v1")
    module = data(
        source, tmp_path, datasets_dir=mirror_dir, tokenizer=WhitespaceTokenizer(),
        mark_documents=True,
    )  # fmt: skip
    lines = module.texts("train")
    words = sum(len(line.split()) for line in lines)
    assert module.spec.num_tokens["train"] == words + len(lines) + 1  # one before the first line
    assert module.spec.num_unknown == len(lines) - 1  # <unk> in every verse, none in the empty one


def test_fewer_columns_where_the_text_is_short(book: TextFileSource, tmp_path: Path) -> None:
    module = data(book, tmp_path, window=200, batch_size=64)
    batch = next(iter(module.train_dataloader()))
    assert len(batch) == 4
    assert "train: 4 columns in place of data.batch_size=64" in module.notes[-1]


def test_a_text_shorter_than_a_window_is_refused(book: TextFileSource, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.window: expected at most 827, .* got 828; lower"):
        data(book, tmp_path, window=828)
    data(book, tmp_path, window=827)


def test_a_split_without_a_token_to_predict_is_named(tmp_path: Path) -> None:
    paths = {}
    for name, content in (("long", VERSE * 9), ("one", "x")):
        paths[name] = str(tmp_path / f"{name}.txt")
        Path(paths[name]).write_text(content)
    with pytest.raises(
        DataError,
        match=r"split validation: expected at least two tokens, got 1; give more text, raise "
        r"data\.validation_fraction, or name a file as data\.source\.validation",
    ):
        data(TextFileSource(train=paths["long"], validation=paths["one"]), tmp_path)
    (tmp_path / "twelve.txt").write_text("twelve chars")
    twelve = TextFileSource(train=str(tmp_path / "twelve.txt"))
    with pytest.raises(DataError, match=r"split test: expected at least two tokens, got 1; give"):
        data(twelve, tmp_path, validation_fraction=0.3, test_fraction=0.1)
    with pytest.raises(DataError, match=r"split train: expected at least two tokens, got 1; give"):
        data(TextFileSource(train=paths["one"], validation=paths["long"], test=paths["long"]),
             tmp_path)  # fmt: skip


def test_more_processes_than_tokens_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.txt" for number in range(2)]
    for path in paths:
        path.write_text("tiny")
    other = str(paths[1])
    module = data(
        TextFileSource(train=str(paths[0]), validation=other, test=other), tmp_path, window=3
    )
    module.trainer = SimpleNamespace(global_rank=0, world_size=5)  # type: ignore[assignment]
    with pytest.raises(
        DataError, match=r"for each of 5 streams .* got a text of 4 tokens; use few"
    ):
        module.train_dataloader()
    module.trainer.world_size = 4  # type: ignore[misc]
    assert [len(batch) for batch in module.train_dataloader()] == [1]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "got an empty file"), (b"\xff\xfe\xfa text", "data.source.encoding=cp1252")],
)
def test_a_file_of_no_use(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(content)
    with pytest.raises(DataError, match=says):
        data(TextFileSource(train=str(tmp_path / "bad.txt")), tmp_path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(VERSE)
    with pytest.raises(DataError, match=r"nothing there; did you mean book\.txt"):
        data(TextFileSource(train=str(tmp_path / "bok.txt")), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        DataError, match=r"files named \*\.txt, got none; set data\.source\.pattern"
    ):
        data(TextFileSource(train=str(tmp_path / "empty")), tmp_path)
    with pytest.raises(ConfigError, match=r"data\.source\.encoding: expected an encoding"):
        data(TextFileSource(train=str(tmp_path / "book.txt"), encoding="klingon"), tmp_path)


def test_a_text_too_short_to_be_cut(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too short to be cut"):
        complete_corpus(Corpus(splits={"train": ["a"]}), validation_fraction=0.1, test_fraction=0.1)
    with pytest.raises(DataError, match=r"data\.test_fraction: expected a number between 0 and 1"):
        complete_corpus(Corpus(splits={"train": [VERSE]}), validation_fraction=0.1, test_fraction=0)


def test_long_lines_in_two_splits_are_counted() -> None:
    line = "a line that is long enough to be no accident"
    splits = {"train": [f"{line}\nshort"], "validation": ["short\n"], "test": [f"  {line}\n"]}
    assert shared_lines(splits) == {"train/validation": 0, "train/test": 1, "validation/test": 0}


def test_the_python_reference_repeats_nothing() -> None:
    long = "x" * 70
    documents, dropped = without_repetitions({"a": f"A\n\n{long}\n", "b": f"B\n\n{long}\n\nend"})
    assert sum(text.count(long) for text in documents) == 1
    assert dropped == 70
    corpus = PythonReferenceSource().load(cache_dir=Path(), datasets_dir=None)
    assert 300_000 < sum(map(len, corpus.splits["train"])) < 600_000
