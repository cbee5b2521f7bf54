"""Which runs does a sweep have? Its grid expanded into one override list a run."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Glob, Override

from seqbench.config.engine import Groups
from seqbench.config.overrides import parse
from seqbench.errors import ConfigError, ConfigErrors

# Key → the overrides that set it, one for each value.
Axes = dict[str, list[str]]


def expand(products: Sequence[Axes]) -> list[tuple[str, ...]]:
    """Every run's overrides, each list once."""
    runs = [run for axes in products for run in itertools.product(*axes.values())]
    return list(dict.fromkeys(runs))


def products(
    arguments: Sequence[str], params: Mapping[str, Any], also: Sequence[str], groups: Groups
) -> list[Axes]:
    """What is swept: the grid, then what is beside it.

    Args:
        arguments: the command line's: fixed (`data=imdb`) and swept (`model=lstm,gru`,
            `seed=range(0,3)`, `model=glob(*lstm)`).
        params: the experiment's swept keys; the command line's word on a key counts more.
        also: override lists of further runs, expanded beside the grid: there the swept keys that
            a list does not name keep their defaults.
        groups: for `glob`.

    Raises:
        ConfigErrors: what cannot be read, or cannot be put on a grid.
    """
    errors: list[ConfigError] = []
    said = _axes(arguments, groups, errors)
    errors += [_nothing_in(key, "[]") for key, value in params.items() if value == []]
    lines = [param_line(key, value) for key, value in params.items() if value != []]
    swept = _axes(lines, groups, errors)
    found = [swept | said]
    fixed = {key: lines for key, lines in said.items() if len(lines) == 1}
    for entry in also:
        found.append(fixed | _axes(shlex.split(entry), groups, errors))
    if errors:
        raise ConfigErrors(errors)
    return found


def _axes(lines: Sequence[str], groups: Groups, errors: list[ConfigError]) -> Axes:
    axes: Axes = {}
    for line in lines:
        try:
            override = parse(line)
            axes[_key(override)] = _values(line, override, groups)
            if not axes[_key(override)]:
                raise _nothing_in(override.key_or_group, line.partition("=")[2])
        except ConfigError as error:
            errors.append(error)
    return axes


def _key(override: Override) -> str:
    # `~model` and `model._target_=…` stand side by side; a key said twice counts once.
    return f"~{override.key_or_group}" if override.is_delete() else override.key_or_group


def _values(line: str, override: Override, groups: Groups) -> list[str]:
    if not override.is_sweep_override():
        return [line]
    key = line.partition("=")[0]
    value = override.value()
    if isinstance(value, Glob):
        return [f"{key}={name}" for name in value.filter(groups.options(override.key_or_group))]
    if not override.is_discrete_sweep():
        raise ConfigError(
            override.key_or_group,
            expected="single values, which make a grid",
            got=line.partition("=")[2],
            remedy="list them: key=a,b or key=range(0,5)",
        )
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _nothing_in(key: str, value: str) -> ConfigError:
    return ConfigError(key, expected="values to sweep", got=f"none in {value}")


def param_line(key: str, value: Any) -> str:
    """An experiment's entry as an override: text as it is, a YAML list as its items."""
    if isinstance(value, str):
        return f"{key}={value}"
    if isinstance(value, Sequence):
        return f"{key}=" + ",".join(_literal(item) for item in value)
    return f"{key}={_literal(value)}"


def _literal(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(map(_literal, value)) + "]"
    return repr(value)
