from __future__ import annotations

import pytest

from seqbench.data.tokenizers.word import WordTokenizer
from seqbench.errors import ConfigError


def test_words_keep_inner_apostrophes_and_marks_stand_alone() -> None:
    tokens = WordTokenizer().tokens("Don't stop-it, O\u2019Neill (3.5)!")
    assert tokens == ["don't", "stop", "-", "it", ",", "o\u2019neill", "(", "3", ".", "5", ")", "!"]


def test_case_is_kept_where_told() -> None:
    assert WordTokenizer(lowercase=False).tokens("A Cat") == ["A", "Cat"]


def test_ids_follow_frequency_then_the_alphabet() -> None:
    tokenizer = WordTokenizer(min_freq=1)
    tokenizer.train(["b b a c", "c d"])
    assert tokenizer.vocabulary() == ["<pad>", "<unk>", "<bos>", "<eos>", "b", "c", "a", "d"]
    assert tokenizer.encode("a b z") == [6, 4, 1]
    assert tokenizer.decode([6, 4, 1, 0]) == "a b <unk>"


def test_rare_and_surplus_words_are_unknown() -> None:
    rare = WordTokenizer(min_freq=2)
    rare.train(["b b a c c c"])
    assert rare.vocabulary()[4:] == ["c", "b"]
    few = WordTokenizer(min_freq=1, max_vocab=1)
    few.train(["b b a c c c"])
    assert few.vocabulary()[4:] == ["c"]


def test_stop_words_are_dropped() -> None:
    tokenizer = WordTokenizer(stop_words="drop", min_freq=1)
    assert tokenizer.tokens("The cat is on the mat") == ["cat", "mat"]
    tokenizer.train(["the cat is on the mat"])
    assert tokenizer.encode("the is") == []


def test_lemmas_replace_words() -> None:
    assert WordTokenizer(lemmas="en").tokens("Cats were running .") == ["cat", "be", "run", "."]


def test_a_language_without_lemmas_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.lemmas: expected a language code .* 'xx'"):
        WordTokenizer(lemmas="xx")
