from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from seqbench.records.explanation import explanations
from seqbench.records.record import Arithmetic, GitState, Provenance, RunRecord

HOW = Arithmetic(cpu_capability="AVX2", threads=1, world_size=1, deterministic=True)


@pytest.fixture
def made(record: RunRecord) -> Provenance:
    return replace(
        record.provenance, arithmetic=HOW, data_fingerprint="aa", tokenizer_fingerprint="bb"
    )


def test_nothing_was_other(made: Provenance) -> None:
    later = replace(
        made, started="later", finished=None, command="again", cores=64, data_notes=["x"]
    )
    assert explanations(made, later) == []


CHANGES: dict[str, tuple[Any, str]] = {
    "versions": ({"python": "3.12.1"}, "python 3.11.0 then, 3.12.1 now"),
    "code": ("ba9876543210", "code 0123456789ab then, ba9876543210 now"),
    "platform": ("Darwin", "platform Linux then, Darwin now"),
    "cpu": ("another cpu", "cpu some cpu then, another cpu now"),
    "device": ("some GPU", "device cpu then, some GPU now"),
    "data_fingerprint": ("cc", "data aa then, cc now"),
    "tokenizer_fingerprint": ("cc", "tokenizer bb then, cc now"),
    "arithmetic": (replace(HOW, threads=2), "threads 1 then, 2 now"),
}
# They change no bit; the notes and overlaps follow from the data.
SILENT = {"cores", "command", "started", "finished", "data_notes", "overlaps", "git"}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_was_other_is_told(name: str, made: Provenance) -> None:
    value, line = CHANGES[name]
    assert explanations(made, replace(made, **{name: value})) == [line]


def test_nothing_of_the_provenance_is_forgotten() -> None:
    assert {field.name for field in fields(Provenance)} == CHANGES.keys() | SILENT


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"cpu_capability": "DEFAULT"}, "cpu capability AVX2 then, DEFAULT now"),
        ({"world_size": 2}, "world size 1 then, 2 now"),
        ({"deterministic": False}, "deterministic True then, False now"),
        ({"cuda": {"cudnn": "9"}}, "cudnn unset then, 9 now"),
        ({"environment": {"MKL_CBWR": "AVX2"}}, "MKL_CBWR unset then, AVX2 now"),
    ],
)
def test_how_it_was_computed(change: dict[str, Any], line: str, made: Provenance) -> None:
    assert explanations(made, replace(made, arithmetic=replace(HOW, **change))) == [line]


def test_a_commit_counts_where_the_code_changed(made: Provenance) -> None:
    other = replace(made, git=GitState(commit="e" * 40, dirty=True))
    assert explanations(made, other) == []
    _, line = explanations(made, replace(other, code="another"))
    assert line == f"commit {'f' * 12} then, {'e' * 12} with changes now"


def test_what_one_of_them_does_not_say_is_passed_over(made: Provenance) -> None:
    unsaid = replace(made, arithmetic=None, data_fingerprint=None, device=None, git=None)
    assert explanations(made, unsaid) == explanations(unsaid, made) == []


def test_a_package_that_was_not_there(made: Provenance) -> None:
    more = replace(made, versions={**made.versions, "torch": "2.13.0"})
    assert explanations(made, more) == ["torch absent then, 2.13.0 now"]
