from __future__ import annotations

import importlib
import linecache
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.data.text_classification import TextClassificationData
from seqbench.data.tokenizers.char import CharTokenizer
from seqbench.data.tokenizers.word import WordTokenizer
from seqbench.errors import DataError

Make = Callable[..., TextClassificationData]


def rows(data: TextClassificationData) -> list[list[int]]:
    return [batch.ids_BT.tolist() for batch in data.test_dataloader()]


def entry_of(tmp_path: Path) -> Path:
    (folder,) = (path for path in (tmp_path / "cache/tokens").iterdir() if path.is_dir())
    return folder


def test_the_second_time_no_text_is_read(make_imdb: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_imdb()
    first.setup()
    second = make_imdb()
    monkeypatch.setattr(second.source, "load", None)
    second.setup()
    assert rows(second) == rows(first)
    assert second.spec == first.spec and second.notes == first.notes
    assert second.fingerprint() == first.fingerprint()
    assert second.overlaps == first.overlaps


def test_another_tokenizer_has_an_entry_of_its_own(make_imdb: Make, tmp_path: Path) -> None:
    word = make_imdb()
    word.setup()
    char = make_imdb(tokenizer=CharTokenizer())
    char.setup()
    lower = make_imdb(tokenizer=WordTokenizer(min_freq=1, max_vocab=3))
    lower.setup()
    assert word.spec.vocab_size != char.spec.vocab_size
    assert lower.spec.vocab_size == 7
    assert len(list((tmp_path / "cache/tokens").glob("*/meta.json"))) == 3
    assert word.fingerprint() == char.fingerprint()


@pytest.mark.parametrize(
    "name", ["train.ids.npy", "test.labels.npy", "tokenizer.json", "meta.json"]
)
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_entry_is_built_again(
    make_imdb: Make, tmp_path: Path, name: str, damage: str
) -> None:
    expected = rows(make_imdb())
    path = entry_of(tmp_path) / name
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    again = make_imdb()
    assert rows(again) == expected
    assert (entry_of(tmp_path) / name).exists()
    left = [path.name for path in (tmp_path / "cache/tokens").iterdir()]
    assert not [name for name in left if name.endswith((".aside", ".old"))]


def test_processes_that_ask_at_once_build_once(mirror: Path, tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from seqbench.data.encoded import Encoded
from seqbench.data.token_cache import CacheEntry, cached
from seqbench.data.tokenizers.word import WordTokenizer
import numpy as np
folder = Path(sys.argv[1])
def build():
    with (folder / "built").open("a") as file:
        file.write("x")
    time.sleep(0.5)
    tokenizer = WordTokenizer(min_freq=1)
    tokenizer.train(["a b"])
    one = np.array([0, 2], dtype=np.int64)
    return CacheEntry({"train": Encoded(np.array([4, 5], np.int32), one, one[:1])}, tokenizer, {})
entry = cached(folder / "entry", build=build, load_tokenizer=WordTokenizer.load)
assert entry.splits["train"].ids.tolist() == [4, 5]
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    children = [subprocess.Popen(command, env=os.environ.copy()) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    assert (tmp_path / "built").read_text() == "x"


OWN = """
from seqbench.data.tokenizers.word import WordTokenizer as Base

class WordTokenizer(Base):
    def split(self, text):
        return text.split({separator!r})
"""


def own_tokenizer(tmp_path: Path, separator: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One's own tokenizer, called like one of ours, as a new process would import it."""
    (tmp_path / "own_words.py").write_text(OWN.format(separator=separator))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "own_words", raising=False)
    linecache.checkcache()
    return importlib.import_module("own_words").WordTokenizer(min_freq=1)


def test_ones_own_tokenizer_is_known_by_its_code(
    make_imdb: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [make_imdb().encoded("test").lengths.tolist()]
    for separator in (" ", ","):
        data = make_imdb(tokenizer=own_tokenizer(tmp_path, separator, monkeypatch))
        sizes.append(data.encoded("test").lengths.tolist())
    # words and marks, cut at spaces, cut at commas
    assert [set(lengths) for lengths in sizes] == [{11}, {12}, {2}]


def test_a_cache_that_cannot_be_written_to_is_named(make_imdb: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file" / "cache", Path("/proc/cache")):
        with pytest.raises(DataError, match=r"cache .*: expected a folder that can be written to"):
            make_imdb(cache_dir=cache).setup()


def test_other_users_may_read_an_entry(make_imdb: Make, tmp_path: Path) -> None:
    make_imdb().setup()
    usual = tmp_path / "usual"
    usual.mkdir()
    assert entry_of(tmp_path).stat().st_mode == usual.stat().st_mode
