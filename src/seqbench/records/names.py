"""Names that become folders: of studies and of runs."""

from __future__ import annotations

from pathlib import PurePath


def is_below(name: object) -> bool:
    """Whether it names something below the folder that it is put in, and never beside or above."""
    if not isinstance(name, str) or not name.isprintable():
        return False
    path = PurePath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
