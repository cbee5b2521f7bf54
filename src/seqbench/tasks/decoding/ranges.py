"""Arguments that Python code hands in, held against their annotations."""

from __future__ import annotations

from numbers import Integral, Real
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from seqbench.errors import ConfigError


def refuse_outside(name: str, value: object, domain: Any) -> None:
    """Holds what Python code hands in against its annotation; a config's values were checked.

    Args:
        name: what the value is called.
        value: any.
        domain: a type of `seqbench.domains`, or one of them or None.

    Raises:
        ConfigError: the annotation does not allow the value.
    """
    optional = get_origin(domain) is not Annotated and NoneType in get_args(domain)
    if optional and value is None:
        return
    ranged = next(each for each in get_args(domain) if each is not NoneType) if optional else domain
    kind, bounds = get_args(ranged)
    number = Integral if kind is int else Real
    if isinstance(value, number) and not isinstance(value, bool) and bounds.holds(float(value)):
        return
    words = str(bounds).replace("a number", "an integer") if kind is int else str(bounds)
    raise ConfigError(name, expected=f"{words} or None" if optional else words, got=repr(value))
