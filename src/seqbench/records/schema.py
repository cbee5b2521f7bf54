"""Dataclasses to plain containers and back, checked: a record says what is wrong with it."""

from __future__ import annotations

import math
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from numbers import Integral, Real
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from seqbench.errors import RecordError

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Dicts, lists, strings, finite numbers, booleans and None.

    JSON has no NaN and no infinity, and other engines (DuckDB, jq) refuse them: both become None.

    Raises:
        TypeError: the value is none of these, e.g. a tensor.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)  # numpy's integers are integers too
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    raise TypeError(f"a record cannot hold {value!r} of type {type(value).__name__}")


def from_plain(cls: type[T], plain: Any, name: str, *, older: bool = False) -> T:
    """The dataclass that `to_plain` turned into `plain`.

    Args:
        cls: a dataclass, nested ones included.
        plain: what was read.
        name: where it stands, for the error: a file and a path of keys.
        older: an older schema wrote it, which did not know every field: defaults stand for those.

    Raises:
        RecordError: a field is unknown, missing or of the wrong type.
    """
    if not isinstance(plain, dict):
        raise RecordError(name, expected="an object", got=type(plain).__name__)
    hints = get_type_hints(cls)
    every = fields(cls)  # type: ignore[arg-type]
    known = [field.name for field in every]
    unknown = sorted(set(plain) - set(known))
    needed = [field.name for field in every if not (older and has_default(field))]
    missing = [name for name in needed if name not in plain]
    if unknown or missing:
        got = [f"unknown {', '.join(unknown)}"] * bool(unknown)
        got += [f"missing {', '.join(missing)}"] * bool(missing)
        raise RecordError(
            name,
            expected=f"the fields {', '.join(known)}",
            got="; ".join(got),
            remedy="the record was written by another version of seqbench, or by hand",
        )
    given = [key for key in known if key in plain]
    return cls(**{key: _value(hints[key], plain[key], f"{name}.{key}", older) for key in given})


def has_default(field: Field[Any]) -> bool:
    """Whether an older schema may have lacked it."""
    return field.default is not MISSING or field.default_factory is not MISSING


def _value(hint: Any, value: Any, name: str, older: bool) -> Any:
    """The value, converted to the annotation; a RecordError where it does not fit."""
    if hint is Any:
        return value
    origin = get_origin(hint)
    if origin in (types.UnionType, Union):
        if value is None and type(None) in get_args(hint):
            return None
        (inner,) = [arg for arg in get_args(hint) if arg is not type(None)]
        return _value(inner, value, name, older)
    if is_dataclass(hint):
        return from_plain(hint, value, name, older=older)  # type: ignore[arg-type]
    if origin is list and isinstance(value, list):
        (inner,) = get_args(hint)
        return [_value(inner, item, f"{name}[{i}]", older) for i, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        _, inner = get_args(hint)
        return {key: _value(inner, item, f"{name}.{key}", older) for key, item in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain_type = origin or hint
    if not isinstance(value, plain_type) or (isinstance(value, bool) and hint is not bool):
        raise RecordError(name, expected=plain_type.__name__, got=repr(value)[:80])
    return value
