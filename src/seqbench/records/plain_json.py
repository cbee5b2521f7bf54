"""JSON from outside, held to what every engine can read: DuckDB, jq and pandas refuse the rest."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_LARGEST = 2**64


def load_json(text: str) -> Any:
    """The plain containers that a text holds; a number that is not finite becomes None.

    Raises:
        ValueError: it is no JSON, nested too deeply, or has an integer of more than 64 bits or text
            that is no Unicode (half a surrogate pair).
    """
    try:
        plain = json.loads(
            text, parse_int=_integer, parse_float=_finite, parse_constant=lambda _: None
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if "\\ud" in text.lower():
        json.dumps(plain, ensure_ascii=False).encode()
    return plain


def node(plain: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What stands there, such as a config's group; empty where it is no object, or missing."""
    found = plain.get(key)
    return found if isinstance(found, Mapping) else {}


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) >= _LARGEST:
        raise ValueError(f"an integer of more than 64 bits: {text[:20]}…")
    return number


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
