"""What the user may have meant: the nearest of the valid names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST_LISTED = 15


def nearest(name: str, valid: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The valid name most like `name`, if any is like it at all."""
    options = list(valid)
    for candidate in options:
        if candidate.lower() == name.lower():
            return candidate
    found = get_close_matches(name, options, n=1, cutoff=cutoff)
    return found[0] if found else None


def did_you_mean(suggestion: str | None) -> str:
    """The suggestion as a remedy; nothing where there is none."""
    return f"did you mean {suggestion}?" if suggestion else ""


def listed(options: Iterable[str]) -> str:
    """The options in one line, shortened where there are many."""
    names = sorted(options)
    more = f", and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more
