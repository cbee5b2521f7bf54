"""What a target takes, however that was found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class _Unknown:
    """The default of a parameter whose value cannot be told without running code."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Parameter:
    """One keyword of a target; `default` is UNKNOWN where there is none or it is computed."""

    name: str
    hint: Any = Any
    required: bool = True
    default: object = UNKNOWN


@dataclass(frozen=True)
class Signature:
    """What a target takes; `open` where it takes any keyword (`**kwargs`)."""

    target: str
    parameters: Mapping[str, Parameter]
    open: bool = False

    @property
    def name(self) -> str:
        """The target without its module."""
        return self.target.rpartition(".")[2]
