from __future__ import annotations

import pytest

from seqbench.records.names import is_below


@pytest.mark.parametrize("name", ["study", "a/b", "imdb-lstm-s0-1a2b", "été", "a..b", "-", "a b"])
def test_a_name_of_something_below(name: str) -> None:
    assert is_below(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "a/../../b", "/a", "//", "a\x00", "a\nb", None, 3, ["a"]]
)
def test_what_leads_elsewhere(name: object) -> None:
    assert not is_below(name)
