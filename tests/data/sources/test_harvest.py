"""Harvesting a made-up package."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqbench.data.sources.docstring_parser import parse_file, summary_of
from seqbench.data.sources.harvest import (
    harvest,
    library_folder,
    library_version,
    python_files,
)
from seqbench.data.sources.rows_cache import cached_rows
from seqbench.errors import DataError

CODE = '''"""What the module is.

More of it.
"""

class Thing:
    """A thing
    on two lines.
    """

    async def act(self):
        """Act at once."""

if True:
    def inner():
        """Defined in
        a branch.

        >>> 1
        """

def bare():
    pass

def example():
    """>>> 1 + 1"""
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    for name in (
        "a.py",
        "sub/b.py",
        "tests/c.py",
        "sub/test_d.py",
        "_vendor/e.py",
        "not-code/f.py",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CODE)
    (folder / "broken.py").write_text('def f(:\n    """No."""')
    (folder / "bytes.py").write_bytes(b'"""\xff\xfe"""')
    return folder


def test_summaries_come_in_the_order_of_the_file(package: Path) -> None:
    assert parse_file(str(package / "a.py")) == [
        ("module", "", "What the module is."),
        ("class", "Thing", "A thing on two lines."),
        ("function", "act", "Act at once."),
        ("function", "inner", "Defined in a branch."),
    ]


def test_files_that_are_no_python_hold_nothing(package: Path) -> None:
    assert parse_file(str(package / "broken.py")) == []
    assert parse_file(str(package / "bytes.py")) == []
    assert parse_file(str(package / "nowhere.py")) == []


def test_a_summary_ends_at_underlines_and_examples() -> None:
    assert summary_of("\n  Title\n  -----\n  text") == "Title"
    assert summary_of("Adds.\n>>> add()") == "Adds."


def test_tests_vendored_and_odd_folders_are_left_out(package: Path) -> None:
    names = [path.relative_to(package).as_posix() for path in python_files(package)]
    assert names == ["a.py", "broken.py", "bytes.py", "sub/b.py"]


def test_the_number_of_workers_changes_nothing(package: Path) -> None:
    one = harvest({"made": package}, workers=1)
    assert harvest({"made": package}, workers=3) == one
    assert [(d.path, d.name) for d in one][:3] == [("a.py", ""), ("a.py", "Thing"), ("a.py", "act")]
    assert len(one) == 8


def test_the_cache_is_read_and_a_damaged_one_made_anew(tmp_path: Path) -> None:
    made = []

    def make() -> list[dict[str, str]]:
        made.append(1)
        return [{"name": "n", "summary": "s \ud800"}]

    path = tmp_path / "deep" / "harvest.parquet"
    first = cached_rows(path, make)
    assert first == [{"name": "n", "summary": "s ?"}]
    assert cached_rows(path, make) == first and len(made) == 1
    path.write_bytes(b"PAR1 no longer")
    cached_rows(path, make)
    assert len(made) == 2


def test_a_missing_library_is_named_with_its_remedy() -> None:
    message = r"the library 'no_such_library': expected it to be installed.*pip install"
    with pytest.raises(DataError, match=message):
        library_folder("no_such_library")
    with pytest.raises(DataError, match=message):
        library_version("no_such_library")


def test_libraries_are_found_without_importing_them() -> None:
    assert (library_folder("stdlib") / "json").is_dir()
    assert (library_folder("sklearn") / "base.py").is_file()
    assert library_version("sklearn")[0].isdigit()
