"""What holds for every tokenizer."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.data.tokenizers import Tokenizer, load_tokenizer
from seqbench.data.tokenizers.basic_english import BasicEnglishTokenizer
from seqbench.data.tokenizers.bpe import BpeTokenizer
from seqbench.data.tokenizers.char import CharTokenizer
from seqbench.data.tokenizers.unigram import UnigramTokenizer
from seqbench.data.tokenizers.word import WordTokenizer
from seqbench.data.tokenizers.wordpiece import WordpieceTokenizer
from seqbench.errors import DataError

TEXTS = [
    "The cat sat on the mat, and the dog barked.",
    "Dogs and cats don't agree; the mat is fine!",
    "A Fine film about the dog that sat down.",
] * 20
ODD = ["", " \n\t", "<pad> <unk> <bos>", "漢字 \U0001f600 \ud800 \x00", "!" * 50, "é" * 300]
MAKE: dict[str, Any] = {
    "word": lambda: WordTokenizer(min_freq=1),
    "filtered": lambda: WordTokenizer(stop_words="drop", lemmas="en"),
    "char": CharTokenizer,
    "basic_english": BasicEnglishTokenizer,
    "bpe": lambda: BpeTokenizer(max_vocab=400),
    "wordpiece": lambda: WordpieceTokenizer(max_vocab=120),
    "unigram": lambda: UnigramTokenizer(max_vocab=100),
}


def trained(kind: str) -> Tokenizer:
    if kind == "basic_english" and importlib.util.find_spec("torchtext") is None:
        pytest.skip("torchtext is not installed")
    tokenizer: Tokenizer = MAKE[kind]()
    tokenizer.train(TEXTS)
    return tokenizer


@pytest.fixture(params=list(MAKE))
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return trained(request.param)


def test_is_a_tokenizer(tokenizer: Tokenizer) -> None:
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.trained
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id) == (0, 1, 2, 3)


@pytest.mark.parametrize("kind", [k for k in MAKE if k != "basic_english"])
def test_untrained_refuses_to_encode(kind: str) -> None:
    tokenizer: Tokenizer = MAKE[kind]()
    assert not tokenizer.trained
    with pytest.raises(RuntimeError, match="has no vocabulary: train or load it first"):
        tokenizer.encode_batch(["text"])


def test_batch_equals_one_by_one(tokenizer: Tokenizer) -> None:
    texts = [*TEXTS[:3], *ODD]
    ids, lengths = tokenizer.encode_batch(texts)
    assert ids.dtype == np.int32 and lengths.dtype == np.int64
    singles = [tokenizer.encode(text) for text in texts]
    assert lengths.tolist() == [len(single) for single in singles]
    assert ids.tolist() == [i for single in singles for i in single]


def test_ids_of_texts_are_never_special_but_unknown(tokenizer: Tokenizer) -> None:
    ids, _ = tokenizer.encode_batch([*TEXTS, *ODD])
    assert ids.min() >= tokenizer.unk_id
    assert not np.isin(ids, [tokenizer.bos_id, tokenizer.eos_id]).any()
    assert ids.max() < tokenizer.vocab_size


def test_training_twice_gives_the_same(tokenizer: Any, request: Any) -> None:
    kind = request.node.callspec.params["tokenizer"]
    again = trained(kind)
    if kind == "unigram":  # its probabilities differ in the fourth digit, as its docstring says
        assert again.model.get_vocab().keys() == tokenizer.model.get_vocab().keys()
        return
    assert again.fingerprint() == tokenizer.fingerprint()


def test_saved_and_loaded_is_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = load_tokenizer(path)
    assert type(loaded) is type(tokenizer)
    assert loaded.fingerprint() == tokenizer.fingerprint()
    texts = [*TEXTS, *ODD]
    assert loaded.encode_batch(texts)[0].tolist() == tokenizer.encode_batch(texts)[0].tolist()


def test_no_texts_at_all(tokenizer: Tokenizer) -> None:
    ids, lengths = tokenizer.encode_batch([])
    assert ids.shape == lengths.shape == (0,)


def test_decoding_leaves_padding_out(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("the cat sat")
    assert tokenizer.decode([*ids, 0, 0]) == tokenizer.decode(ids)
    assert "cat" in tokenizer.decode(ids)


@pytest.mark.parametrize("change", ["cut", "state", "class", "settings", "schema", "list"])
def test_a_damaged_file_is_a_data_error(tokenizer: Tokenizer, tmp_path: Path, change: str) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    content = json.loads(path.read_text())
    content |= {
        "state": {"state": ["x"]},
        "class": {"class": "seqbench.data.tokenizers.word.Wrod"},
        "settings": {"settings": {"colour": 1}},
        "schema": {"schema": 99},
    }.get(change, {})
    text = json.dumps([] if change == "list" else content)
    path.write_text(text[: len(text) // 2] if change == "cut" else text)
    with pytest.raises(DataError, match=r"tokenizer file .*tokenizer\.json: expected"):
        load_tokenizer(path)


def _without_unknown(model: dict[str, Any]) -> None:
    model |= {name: "[UNK]" if name == "unk_token" else None for name in model if "unk_" in name}


def _with_a_gap(model: dict[str, Any]) -> None:
    token, number = list(model["vocab"].items())[-1]
    model["vocab"][token] = number + 5


@pytest.mark.parametrize(
    ("kind", "harm", "says"),
    [
        (WordpieceTokenizer, _without_unknown, "does not know what is unknown"),
        (UnigramTokenizer, _without_unknown, "does not know what is unknown"),
        (BpeTokenizer, lambda model: model.update(unk_token="?!"), "does not know what is unknown"),
        (WordpieceTokenizer, _with_a_gap, "with ids missing"),
    ],
)
def test_a_subword_model_that_would_fail_later_is_refused(
    kind: Any, harm: Any, says: str, tmp_path: Path
) -> None:
    tokenizer, path = kind(max_vocab=60), tmp_path / "tokenizer.json"
    tokenizer.train(TEXTS)
    tokenizer.save(path)
    content = json.loads(path.read_text())
    harm(content["state"]["model"])
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=says):
        load_tokenizer(path)


@pytest.mark.parametrize("kind", [BpeTokenizer, UnigramTokenizer, WordpieceTokenizer])
def test_a_subword_model_that_leaves_its_type_out_is_read(kind: Any, tmp_path: Path) -> None:
    tokenizer, path = kind(max_vocab=60), tmp_path / "tokenizer.json"
    tokenizer.train(TEXTS)
    tokenizer.save(path)
    content = json.loads(path.read_text())
    del content["state"]["model"]["type"]
    path.write_text(json.dumps(content))
    assert load_tokenizer(path).encode(TEXTS[0]) == tokenizer.encode(TEXTS[0])


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a file, got nothing there"):
        load_tokenizer(tmp_path / "tokenizer.json")


def test_a_class_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(
        json.dumps({"schema": 1, "class": "json.JSONDecoder", "settings": {}, "state": 0})
    )
    with pytest.raises(DataError, match="which is no tokenizer"):
        load_tokenizer(path)


def test_a_vocabulary_smaller_than_the_alphabet_is_a_data_error() -> None:
    with pytest.raises(DataError, match=r"UnigramTokenizer: .*; raise tokenizer\.max_vocab"):
        UnigramTokenizer(max_vocab=5).train(TEXTS)


def test_equal_names_in_two_modules_are_two_tokenizers() -> None:
    mine = type("WordTokenizer", (WordTokenizer,), {"__module__": "mine"})
    assert mine().fingerprint() != WordTokenizer().fingerprint()
