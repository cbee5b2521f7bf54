"""Does a config value fit a type hint? And how is the hint said to a person?"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from seqbench.domains import Bounds

_NAMES = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "a text",
    Path: "a path",
}
_CONTAINERS = (list, tuple, set, frozenset, dict)


def fits(value: object, hint: Any) -> bool:
    """Whether a plain config value is one that the hint allows.

    What no config value can be told to be (a tensor, a class of someone's) is not judged.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return fits(value, args[0]) and all(_inside(value, bound) for bound in args[1:])
    if origin is Literal:
        return any(value == arg and type(value) is type(arg) for arg in args)
    if origin in (Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if hint is None or hint is type(None):
        return value is None
    if hint in _NAMES:
        return _is_plain(value, hint)
    kind = origin or hint
    if isinstance(kind, type) and kind is not object and _is_container(kind):
        return _contains(value, kind, args)
    return True


def described(hint: Any) -> str:
    """The hint in words: `an integer >= 1, or null`."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        words = next((str(bound) for bound in args[1:] if isinstance(bound, Bounds)), "")
        return words.replace("a number", described(args[0])) or described(args[0])
    if origin is Literal:
        return "one of " + ", ".join(str(arg) for arg in args)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(described(arg) for arg in args))
    if hint is None or hint is type(None):
        return "null"
    if hint in _NAMES:
        return _NAMES[hint]
    kind = origin or hint
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return "a mapping"
    if isinstance(kind, type) and _is_container(kind):
        inner = [arg for arg in args if arg is not Ellipsis]
        return f"a list, each {described(inner[0])}" if inner else "a list"
    return getattr(hint, "__name__", str(hint))


def _is_plain(value: object, kind: type) -> bool:
    if kind is Path:
        return isinstance(value, str)
    if kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and not math.isnan(value)  # type: ignore[arg-type]
    return type(value) is kind


def _inside(value: object, bound: object) -> bool:
    return not isinstance(bound, Bounds) or (
        isinstance(value, int | float) and bound.holds(float(value))
    )


def _is_container(kind: type) -> bool:
    return kind is not str and issubclass(kind, (*_CONTAINERS, Sequence, Mapping))


def _contains(value: object, kind: type, args: tuple[Any, ...]) -> bool:
    if issubclass(kind, Mapping):
        if not isinstance(value, Mapping):
            return False
        hints = args or (Any, Any)
        return all(fits(key, hints[0]) and fits(item, hints[1]) for key, item in value.items())
    if not isinstance(value, list | tuple):
        return False
    if kind is tuple and args and Ellipsis not in args:
        return len(value) == len(args) and all(map(fits, value, args))
    return not args or all(fits(item, args[0]) for item in value)
