"""What a reader of scores is told of unknown tokens, and of what tokens leave out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqbench.data.language_modeling import LanguageModelingData
from seqbench.data.sources.text_files import TextFileSource
from seqbench.data.tokenizers.bpe import BpeTokenizer
from seqbench.data.tokenizers.char import CharTokenizer
from seqbench.data.tokenizers.tokenizer import Tokenizer
from seqbench.data.tokenizers.whitespace import WhitespaceTokenizer
from seqbench.data.tokenizers.word import WordTokenizer
from seqbench.data.vocabulary_notes import lost_of, unknown_tokens

TEXT = "The cat's mat.\n\nA dog sat,  and slept.\n"


@pytest.mark.parametrize(
    ("tokenizer", "lost"),
    [
        (CharTokenizer(), []),
        (CharTokenizer(lowercase=True), ["letter case"]),
        (BpeTokenizer(max_vocab=270, lowercase=False), []),
        (BpeTokenizer(max_vocab=270), ["letter case"]),
        # Of words the second text has one that is unknown.
        (WhitespaceTokenizer(), ["white space", "some characters"]),
        (WordTokenizer(min_freq=1, lowercase=False), ["white space", "some characters"]),
        (WordTokenizer(min_freq=1), ["letter case", "white space", "some characters"]),
        (WordTokenizer(min_freq=3), ["some characters"]),
    ],
)
def test_what_tokens_leave_out(tokenizer: Tokenizer, lost: list[str]) -> None:
    tokenizer.train([TEXT])
    assert lost_of([TEXT, "the end"], tokenizer) == lost


def test_a_long_text_is_looked_at_in_part() -> None:
    tokenizer = CharTokenizer(max_vocab=1)
    tokenizer.train(["a"])
    assert lost_of(["a" * 19_999, "ab"], tokenizer) == []
    assert lost_of(["a" * 19_998, "ab"], tokenizer) == ["some characters"]


def test_unknown_tokens_are_counted() -> None:
    assert unknown_tokens(np.array([4, 5, 6], dtype=np.int32), 1) == ""
    assert unknown_tokens(np.array([1, 5, 1], dtype=np.int32), 1) == (
        "2 of 3 tokens are not in the vocabulary, read and scored as the unknown one"
    )


@pytest.fixture
def noted(tmp_path: Path) -> Callable[[Tokenizer], list[str]]:
    """The notes on a text whose test split has two letters that train lacks."""

    def noted(tokenizer: Tokenizer) -> list[str]:
        paths = {}
        for split, text in (("train", TEXT * 9), ("validation", TEXT), ("test", f"xyz {TEXT}")):
            (tmp_path / f"{split}.txt").write_text(text)
            paths[split] = str(tmp_path / f"{split}.txt")
        module = LanguageModelingData(
            source=TextFileSource(**paths), tokenizer=tokenizer, seed=0, cache_dir=tmp_path,
            datasets_dir=None, window=4, batch_size=1,
        )  # fmt: skip
        module.setup()
        return module.notes

    return noted


def test_a_run_notes_them_split_by_split(noted: Callable[[Tokenizer], list[str]]) -> None:
    assert noted(CharTokenizer()) == [
        "test: 3 of 43 tokens are not in the vocabulary, read and scored as the unknown one"
    ]
    assert noted(WordTokenizer(min_freq=1))[1:] == [
        "tokens do not tell letter case and white space: bits per character compare only with "
        "those of runs that leave out the same"
    ]
