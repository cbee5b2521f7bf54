from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from seqbench.data.torchtext_compat import Vocab, torchtext_module
from seqbench.errors import DataError

needs_torchtext = pytest.mark.skipif(
    importlib.util.find_spec("torchtext") is None, reason="torchtext is not installed"
)


@needs_torchtext
def test_torchtext_splits_and_counts_as_documented() -> None:
    tokenize = torchtext_module("data").get_tokenizer("basic_english")
    # the example of torchtext's own documentation
    text = "You can now install TorchText using pip!"
    assert tokenize(text) == ["you", "can", "now", "install", "torchtext", "using", "pip", "!"]
    vocab = torchtext_module("vocab").build_vocab_from_iterator(
        [["b", "a", "b"], ["c"]], specials=["<unk>"]
    )
    vocab.set_default_index(0)
    assert vocab(["b", "a", "c", "z"]) == [1, 2, 3, 0]
    assert vocab.get_itos() == ["<unk>", "b", "a", "c"]
    assert len(vocab) == 4 and "c" in vocab


@needs_torchtext
def test_bleu_runs() -> None:
    score = torchtext_module("data.metrics").bleu_score
    assert score([["a", "b", "c", "d"]], [[["a", "b", "c", "d"]]]) == pytest.approx(1.0)


def test_vocab_raises_as_the_native_one() -> None:
    vocab = Vocab(["a", "b"])
    vocab.insert_token("c", 0)
    assert vocab.lookup_indices(["c", "a", "b"]) == [0, 1, 2]
    assert vocab.lookup_tokens([2, 0]) == ["b", "c"]
    assert vocab.get_stoi() == {"c": 0, "a": 1, "b": 2}
    for call in (
        lambda: vocab["z"],
        lambda: vocab.append_token("a"),
        lambda: vocab.insert_token("d", 9),
        lambda: vocab.lookup_token(3),
        lambda: Vocab(["a", "a"]),
    ):
        with pytest.raises(RuntimeError):
            call()


def test_without_torchtext_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchtext"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setattr("sys.path_importer_cache", {})
    with pytest.raises(DataError, match=r"torchtext: expected it to be installed.*tokenizer=word"):
        torchtext_module("data")
    for name in [name for name in sys.modules if name.split(".")[0] == "torchtext"]:
        monkeypatch.delitem(sys.modules, name)


def test_the_default_tokenizer_needs_no_torchtext() -> None:
    code = (
        "import sys; from seqbench.data.tokenizers.word import WordTokenizer; WordTokenizer();"
        "sys.exit('torchtext' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
