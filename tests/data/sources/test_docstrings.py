from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqbench.data.sources import docstrings
from seqbench.data.sources.docstrings import DocstringSource, choose
from seqbench.data.sources.harvest import Docstring
from seqbench.errors import DataError

NOUNS = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "an", "en", "in")]


def made_up(library: str, files: int, per_file: int) -> list[Docstring]:
    rng = np.random.default_rng(len(library))
    return [
        Docstring(
            library=library,
            path=f"module{number}.py",
            kind="function",
            name="f",
            summary=f"Uses {library} and " + " ".join(rng.choice(NOUNS, 8)),
        )
        for number in range(files)
        for _ in range(per_file)
    ]


def chosen(found: list[Docstring], total: int = 100) -> dict[str, list[docstrings.Candidate]]:
    return choose(
        found,
        libraries=["torch", "pandas"],
        examples_per_class=total,
        min_words=4,
        max_words=20,
        max_per_file=7,
    )


def test_classes_are_balanced_and_no_file_is_in_two_splits() -> None:
    splits = chosen(made_up("torch", 30, 7) + made_up("pandas", 60, 2))
    for split, number in {"train": 80, "validation": 10, "test": 10}.items():
        assert Counter(c.library for c in splits[split]) == {"torch": number, "pandas": number}
    files = {split: {(c.library, c.path) for c in found} for split, found in splits.items()}
    assert not files["train"] & files["test"]
    assert not files["train"] & files["validation"]
    assert not files["validation"] & files["test"]


def test_the_order_of_the_file_system_does_not_matter() -> None:
    found = made_up("torch", 30, 7) + made_up("pandas", 60, 2)
    assert chosen(found) == chosen(found[::-1])


def test_names_that_tell_are_masked() -> None:
    splits = chosen(made_up("torch", 30, 7) + made_up("pandas", 60, 2))
    texts = " ".join(c.text.lower() for found in splits.values() for c in found)
    assert "torch" not in texts and "pandas" not in texts and "uses library and" in texts


@pytest.mark.parametrize(
    ("summary", "masked"),
    [
        ("Wraps torch.nn and PyTorch2 code", "Wraps LIBRARY.nn and LIBRARY code"),
        ("A scikit-learn (W&B) thing, plt.plot", "A LIBRARY (LIBRARY) thing, LIBRARY.plot"),
        ("Torches update a pythonic wandbox", "Torches update a pythonic wandbox"),
    ],
)
def test_masking(summary: str, masked: str) -> None:
    assert docstrings.TELL_TALE.sub(docstrings.MASK, summary) == masked


def test_near_duplicates_and_short_ones_are_left_out() -> None:
    twin = Docstring(
        library="torch", path="t.py", kind="class", name="", summary="Same as ever it was."
    )
    short = Docstring(library="torch", path="t.py", kind="class", name="", summary="Too short.")
    found = made_up("torch", 30, 7) + made_up("pandas", 60, 2) + [twin, twin, short]
    texts = [c.text for c in docstrings._candidates(found, 4, 20)]
    assert texts.count("Same as ever it was.") == 1 and "Too short." not in texts


def test_too_few_says_which_library() -> None:
    with pytest.raises(
        DataError, match=r"'pandas': expected 100 different docstrings.*got \d+ in 6 f"
    ):
        chosen(made_up("torch", 30, 7) + made_up("pandas", 6, 2))


def test_a_harvest_of_one_real_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = DocstringSource(libraries=["sklearn", "sqlalchemy"], examples_per_class=500)
    data = source.load(cache_dir=tmp_path, datasets_dir=None)
    assert {split: len(examples) for split, examples in data.splits.items()} == {
        "train": 800,
        "validation": 100,
        "test": 100,
    }
    assert np.bincount(data.splits["train"].labels).tolist() == [400, 400]
    monkeypatch.setattr(docstrings, "harvest", None)  # the second time it comes from the cache
    again = source.load(cache_dir=tmp_path, datasets_dir=None)
    assert list(again.splits["test"].texts) == list(data.splits["test"].texts)
    assert "sklearn=" in source.key(cache_dir=tmp_path, datasets_dir=None)


def test_no_file_makes_up_a_split() -> None:
    splits = chosen(made_up("torch", 30, 9) + made_up("pandas", 60, 2))
    files = Counter((c.library, c.path) for found in splits.values() for c in found)
    assert max(files.values()) <= 7


def test_of_near_duplicates_in_two_libraries_one_is_chosen() -> None:
    found = made_up("torch", 30, 7)
    twins = [replace(own, library="pandas", summary=f"{own.summary} too") for own in found]
    apart = made_up("pandas", 30, 7)
    assert len(chosen(found + apart, total=150)["train"]) == 240
    with pytest.raises(DataError, match="expected 150 different docstrings"):
        chosen(found + twins, total=150)
