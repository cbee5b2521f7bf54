"""Valid files with something wrong in them, drawn by hypothesis, and the law for all of them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tally import INPUTS

from seqbench.errors import SeqbenchError

HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, 1e-320,
    "", " ", "0", "../../outside", "/etc/passwd", "a\x00b", "\ud800", "\u202e", "<script>", "\n",
    "x" * 300, "9" * 5000, [], {}, [[]], [None], {"": None}, [1, "a", None], {"a": {"b": []}},
]  # fmt: skip
PIECES = [
    b"", b"\x00", b"\n", b"\r", b'"', b",", b"{", b"}", b"[", b"]", b":", b"\xff", b"\xed\xa0\x80",
    b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 3000, b"\\ud800", b"null", b"PAR1",
    b"\xef\xbb\xbf", b"!!python/object/apply:os.system [id]", b"&a [*a]", b"---\n", b"\x80",
]  # fmt: skip


def byte_mutations(valid: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with up to four places changed, or with nothing of them left."""

    @st.composite
    def mutated(draw: st.DrawFn) -> bytes:
        content = valid
        for _ in range(draw(st.integers(1, 4))):
            start = draw(st.integers(0, len(content)))
            end = min(len(content), start + draw(st.sampled_from([0, 0, 1, 1, 4, 50, 10**9])))
            filling = draw(st.sampled_from(PIECES) | st.binary(max_size=9))
            if draw(st.booleans()) and content:  # a part of the file itself in another place
                other = draw(st.integers(0, len(content) - 1))
                filling = content[other : other + draw(st.integers(1, 60))]
            content = content[:start] + filling + content[end:]
        return content

    return mutated() | st.binary(max_size=300)


def tree_mutations(valid: Any, hostile: list[Any] = HOSTILE) -> st.SearchStrategy[Any]:
    """Plain containers with up to three places changed, lost or added."""

    @st.composite
    def mutated(draw: st.DrawFn) -> Any:
        tree = [copy.deepcopy(valid)]
        for _ in range(draw(st.integers(1, 3))):
            places = _places(tree)
            holder, key = draw(st.sampled_from(places))
            wrong = copy.deepcopy(draw(st.sampled_from(hostile)))
            kind = draw(st.sampled_from(["replace", "replace", "replace", "drop", "add", "move"]))
            if kind == "drop" and holder is not tree:
                del holder[key]
            elif kind == "add" and isinstance(holder[key], dict):
                holder[key][draw(st.sampled_from(["", "x", "_target_", "\ud800"]))] = wrong
            elif kind == "add" and isinstance(holder[key], list):
                holder[key].append(wrong)
            elif kind == "move":
                other, name = draw(st.sampled_from(places))
                holder[key] = copy.deepcopy(other[name])
            else:
                holder[key] = wrong
        return tree[0]

    return mutated()


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) below a container."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        holder = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found


@dataclass(frozen=True)
class Examples:
    """How many inputs are drawn, and whether they are fresh ones or the same every time."""

    number: int
    fresh: bool

    def times(self, factor: float) -> Examples:
        """More of them, or fewer: four at least."""
        return replace(self, number=max(4, int(factor * self.number)))


def few_or_many(few: int, many: int) -> pytest.MarkDecorator:
    """So many examples, the same every time, in `make test`; as many fresh ones in the full form.

    Who works on the code finds a test red because of the code; the full form finds what is new.
    """
    few_of_them, many_of_them = Examples(few, fresh=False), Examples(many, fresh=True)
    return pytest.mark.parametrize(
        "examples",
        [
            pytest.param(few_of_them, id="few"),
            pytest.param(many_of_them, id="many", marks=pytest.mark.full),
        ],
    )


def fuzz(
    inputs: st.SearchStrategy[Any],
    use: Callable[[Any], object],
    *,
    examples: Examples,
    tally: Counter[str],
) -> None:
    """Uses as many inputs: each does well, or is refused by an error of ours in a line."""

    @settings(
        max_examples=examples.number,
        database=None,
        derandomize=not examples.fresh,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def law(given_one: Any) -> None:
        tally[INPUTS] += 1
        try:
            use(given_one)
        except SeqbenchError as error:
            lines = error.line().splitlines()
            assert len(lines) == len(getattr(error, "errors", [error])), lines
            assert all(lines)

    law()
