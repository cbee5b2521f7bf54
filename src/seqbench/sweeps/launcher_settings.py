"""What is wrong with a launcher's settings, all of it at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from omegaconf import OmegaConf

from seqbench.errors import ConfigError, ConfigErrors


@dataclass(frozen=True)
class Kind:
    """What a setting may be.

    Attributes:
        expected: in words.
        holds: whether a value is so.
    """

    expected: str
    holds: Callable[[Any], bool]

    COUNT: ClassVar[Kind]
    FLAG: ClassVar[Kind]
    POSITIVE: ClassVar[Kind]
    TEXT: ClassVar[Kind]
    TEXT_OR_COUNT: ClassVar[Kind]
    TEXTS: ClassVar[Kind]
    OPTIONS: ClassVar[Kind]
    AMOUNTS: ClassVar[Kind]
    NAMED: ClassVar[Kind]

    def or_none(self) -> Kind:
        """The same, or null."""
        return Kind(f"{self.expected} or null", lambda value: value is None or self.holds(value))


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as Hydra gives them, without nodes of its own."""
    return {str(name): _plain(value) for name, value in settings.items()}


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def refuse_settings(settings: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    """Raises what is wrong with `hydra.launcher`'s settings.

    Raises:
        ConfigErrors: each value that is not of its kind.
    """
    errors = [
        ConfigError(f"hydra.launcher.{name}", expected=kind.expected, got=str(settings[name]))
        for name, kind in kinds.items()
        if not kind.holds(settings[name])
    ]
    if errors:
        raise ConfigErrors(errors)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value > 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_is_text, value))


def _is_options(value: Any) -> bool:
    plain = str | int | float | bool | None
    return isinstance(value, Mapping) and all(isinstance(item, plain) for item in value.values())


def _is_amounts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_positive, value.values()))


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


Kind.COUNT = Kind("a positive integer", _is_count)
Kind.FLAG = Kind("true or false", lambda value: isinstance(value, bool))
Kind.POSITIVE = Kind("a positive number", _is_positive)
Kind.TEXT = Kind("a text", _is_text)
Kind.TEXT_OR_COUNT = Kind("a text or a positive integer", lambda v: _is_text(v) or _is_count(v))
Kind.TEXTS = Kind("a list of texts", _is_list_of_texts)
Kind.OPTIONS = Kind("options with their values", _is_options)
Kind.AMOUNTS = Kind("positive numbers by name", _is_amounts)
Kind.NAMED = Kind("arguments by name", lambda value: isinstance(value, Mapping))
