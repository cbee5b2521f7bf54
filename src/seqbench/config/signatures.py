"""What a `_target_` takes: read from our own sources without importing them, else by importing."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from seqbench.config.signature import UNKNOWN, Parameter, Signature
from seqbench.config.source_module import OURS
from seqbench.config.source_signatures import read_signature
from seqbench.config.suggest import did_you_mean, nearest
from seqbench.errors import ConfigError


@cache
def signature_of(target: str) -> Signature:
    """The signature of a dotted path.

    Raises:
        ConfigError: there is no such thing, or it cannot be called.
    """
    return read_signature(target) if target.split(".")[0] == OURS else _imported(target)


def is_baseline(target: str) -> bool:
    """Whether the target is a baseline: one of ours, or a subclass of `Baseline`."""
    if target.split(".")[0] == OURS:
        return target.startswith(f"{OURS}.baselines.")
    bases = getattr(located(target), "__mro__", ())
    return any(base.__module__ == f"{OURS}.baselines.baseline" for base in bases)


def ours(config: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    """A group's node, if its class is of this package: one of another package may mean else."""
    node = config.get(group) or {}
    return node if str(node.get("_target_")).startswith(f"{OURS}.") else {}


def _imported(target: str) -> Signature:
    thing = located(target)
    if not callable(thing):
        raise ConfigError("_target_", expected="a class or function", got=target)
    return Signature(target, *inspected(thing))


def inspected(thing: Any) -> tuple[dict[str, Parameter], bool]:
    """Parameters of an imported callable, and whether it takes any keyword."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):  # some builtins tell nothing
        return {}, True
    try:
        hints = typing.get_type_hints(
            thing.__init__ if inspect.isclass(thing) else thing, include_extras=True
        )
    except Exception:  # a foreign annotation may name anything
        hints = {}
    found: dict[str, Parameter] = {}
    for item in signature.parameters.values():
        if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
            continue
        required = item.default is item.empty
        default = UNKNOWN if required else item.default
        if dataclasses.is_dataclass(thing) and repr(default) == "<factory>":
            default = _made(thing, item.name)
        found[item.name] = Parameter(item.name, hints.get(item.name, Any), required, default)
    kinds = {item.kind for item in signature.parameters.values()}
    return found, inspect.Parameter.VAR_KEYWORD in kinds


def _made(thing: Any, name: str) -> object:
    factory = thing.__dataclass_fields__[name].default_factory
    return UNKNOWN if factory is dataclasses.MISSING else factory()


def located(target: str) -> Any:
    """What a dotted path names, imported.

    Raises:
        ConfigError: there is no such thing.
    """
    parts = target.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ConfigError("_target_", expected="package.module.Class", got=target)
    thing: Any = None
    for cut in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:cut])
        try:
            thing = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name and (name == error.name or name.startswith(f"{error.name}.")):
                continue
            raise _broken(target, error) from error
        except Exception as error:
            raise _broken(target, error) from error
        for at, part in enumerate(parts[cut:], cut):
            if not hasattr(thing, part):
                near = nearest(part, [name for name in dir(thing) if not name.startswith("_")])
                meant = ".".join([*parts[:at], near]) if near else None
                raise ConfigError(
                    "_target_", expected="what exists", got=target, remedy=did_you_mean(meant)
                )
            thing = getattr(thing, part)
        return thing
    raise ConfigError(
        "_target_",
        expected="a module that can be imported",
        got=target,
        remedy=f"install {parts[0]}, or run where it lies",
    )


def _broken(target: str, error: Exception) -> ConfigError:
    return ConfigError(
        "_target_",
        expected="a module that can be imported",
        got=f"{target}, which raises {type(error).__name__}: {error}",
    )
