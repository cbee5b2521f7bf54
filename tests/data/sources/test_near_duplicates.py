from __future__ import annotations

from seqbench.data.sources.near_duplicates import first_of_each


def test_case_digits_and_punctuation_do_not_count() -> None:
    texts = ["Return the value.", "return THE value 2!", "Return another value."]
    assert first_of_each(texts).tolist() == [0, 2]


def test_one_word_changed_in_a_long_text_is_a_near_duplicate() -> None:
    words = [f"word{chr(97 + i)}" for i in range(26)]
    texts = [" ".join(words), " ".join([*words[:-1], "other"]), " ".join(words[::-1][:13])]
    assert first_of_each(texts).tolist() == [0, 2]


def test_nothing_and_texts_without_words() -> None:
    assert first_of_each([]).tolist() == []
    assert first_of_each(["", "12", "a word"]).tolist() == [0, 2]
