"""What was not the same when two runs of one config were made: why they may differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.records.record import GitState, Provenance
from seqbench.records.schema import to_plain

_MADE_OF = {"data_fingerprint": "data", "tokenizer_fingerprint": "tokenizer", "code": "code"}
_MACHINE = ("device", "cpu", "platform")


def explanations(first: Provenance, second: Provenance) -> list[str]:
    """Each thing that was another, the likeliest reason first: "torch 2.12.0 then, 2.13.0 now".

    What one of the two does not say, as of a run that has not begun, is passed over.
    """
    found = [_changed(what, *_both(first, second, name)) for name, what in _MADE_OF.items()]
    if first.code != second.code:  # else another commit changed something else
        found.append(_changed("commit", _commit(first.git), _commit(second.git)))
    found += [
        _changed(name, first.versions.get(name, "absent"), second.versions.get(name, "absent"))
        for name in dict.fromkeys([*first.versions, *second.versions])
    ]
    found += _arithmetic(first, second)
    found += [_changed(name, *_both(first, second, name)) for name in _MACHINE]
    return [line for line in found if line]


def _both(first: Provenance, second: Provenance, name: str) -> tuple[Any, Any]:
    return getattr(first, name), getattr(second, name)


def _arithmetic(first: Provenance, second: Provenance) -> list[str]:
    if first.arithmetic is None or second.arithmetic is None:
        return []
    one, other = _flat(to_plain(first.arithmetic)), _flat(to_plain(second.arithmetic))
    return [
        _changed(name, one.get(name, "unset"), other.get(name, "unset"))
        for name in dict.fromkeys([*one, *other])
    ]


def _flat(node: Mapping[str, Any]) -> dict[str, Any]:
    """The names of the variables and libraries stand for themselves."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        found.update(value if isinstance(value, Mapping) else {key.replace("_", " "): value})
    return found


def _commit(git: GitState | None) -> str | None:
    return None if git is None else f"{git.commit[:12]}{' with changes' if git.dirty else ''}"


def _changed(name: str, first: Any, second: Any) -> str:
    if first is None or second is None or first == second:
        return ""
    return f"{name} {first} then, {second} now"
