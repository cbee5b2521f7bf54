"""How long something took, to be read."""

from __future__ import annotations


def words(seconds: float) -> str:
    """A duration in whole seconds or minutes: 45 s, 3 min 41 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
