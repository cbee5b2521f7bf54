"""What makes an encoder wider: declared by the encoder, asked by whoever needs one of a size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Arguments of an encoder that grow together, in the proportions in which they are given.

    Attributes:
        names: of the arguments. The first leads; of several, the last can be set by itself, since
            the first may move in steps too coarse.
        step: what the first is a multiple of.
    """

    names: tuple[str, ...]
    step: int = 1

    def at(self, number: int, given: Mapping[str, Any]) -> dict[str, int]:
        """All arguments where the first is `number` steps wide.

        Args:
            number: of steps, at least 1.
            given: the arguments whose proportions are kept.
        """
        lead = self.names[0]
        width = number * self.step
        others = {name: max(1, round(width * given[name] / given[lead])) for name in self.names[1:]}
        return {lead: width, **others}
