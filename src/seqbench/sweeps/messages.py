"""What pool, warm process and jobs say to each other: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def packed(message: Mapping[str, Any]) -> bytes:
    """The message as it is sent."""
    return json.dumps(message).encode() + b"\n"


class Unpacker:
    """Messages from bytes that come as they please; the end of an unfinished one is waited for."""

    def __init__(self) -> None:
        self._unread = b""

    def unpacked(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that these bytes complete."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [json.loads(line) for line in lines]
