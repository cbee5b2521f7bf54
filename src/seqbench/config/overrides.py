"""Command-line overrides, read so that one mistake does not hide the next.

Hydra stops at the first override it cannot apply. Here choices of groups are checked against the
options there are, and values are rewritten to `++key=value`, which Hydra always accepts: the walk
over the composed config then finds every key that nobody takes, and names them all at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from seqbench.config.engine import Groups, unknown_option
from seqbench.config.schema import PLAIN_NODES, PRIMARY, key_of
from seqbench.config.suggest import did_you_mean, listed, nearest
from seqbench.errors import ConfigError, first_line

# Nodes of Hydra's that take whatever keys there are; Hydra itself would want a `+` for each.
_OPEN = ("hydra.launcher.extra", "hydra.launcher.resources")

# Free text, which Hydra's grammar would take apart at its commas and colons.
_VERBATIM = frozenset({"text"})


@dataclass
class Overrides:
    """What the command line says.

    Attributes:
        lines: overrides that compose, choices first in their own order, values as `++key=value`.
        errors: what is wrong with the rest.
        doubtful: nodes whose choice was wrong and could not be guessed: their keys are not judged.
    """

    lines: list[str] = field(default_factory=list)
    errors: list[ConfigError] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)


@lru_cache(maxsize=100_000)  # a sweep's jobs share most of their overrides
def parse(line: str) -> Override:
    """One override, parsed.

    Raises:
        ConfigError: it is not of the form key=value, or its value cannot be read.
    """
    key, equals, _ = line.partition("=")
    try:
        if not equals and not line.startswith("~"):
            raise ConfigError(line, expected="key=value", got="no value")
        if not key.lstrip("+~"):
            raise ConfigError(line, expected="key=value", got="no key")
        return OverridesParser.create().parse_override(verbatim(line))
    except HydraException as error:
        raise ConfigError(
            key, expected="a value that can be read", got=first_line(error)
        ) from error


def verbatim(line: str) -> str:
    """`text=…` quoted, so that any text is one value; every other override as it is."""
    key, _, value = line.partition("=")
    if key.lstrip("+") not in _VERBATIM:
        return line
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return line
    # In Hydra's quotes a backslash counts only before a quote, and `${` would be looked up.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), value)
    escaped = escaped.replace("${", "\\${")
    return f"{key}='{escaped}'"


def read(lines: Sequence[str], groups: Groups, *, sweeping: bool) -> Overrides:
    """Checks choices and rewrites values.

    Args:
        lines: overrides as the user wrote them.
        groups: the groups there are.
        sweeping: whether several values for one key (`seed=0,1`) are welcome.
    """
    result = Overrides()
    parsed: list[tuple[str, Override]] = []
    for line in lines:
        try:
            override = parse(line)
        except ConfigError as error:
            result.errors.append(error)
            continue
        if override.is_sweep_override() and not sweeping:
            result.errors.append(_several(override))
        else:
            parsed.append((verbatim(line), override))
    chosen = {override.key_or_group for _, override in parsed if not override.is_delete()}
    for line, override in parsed:
        result.lines += _rewritten(line, override, groups, chosen, result)
    return result


def is_choice(override: Override, groups: Groups) -> bool:
    """Whether the override chooses an option of a group, rather than setting a value."""
    return groups.is_group(override.key_or_group)


def _rewritten(
    line: str, override: Override, groups: Groups, chosen: set[str], result: Overrides
) -> list[str]:
    key = override.key_or_group
    if is_choice(override, groups):
        return _choice(line, override, groups, result)
    if key in _OPEN or key.startswith(tuple(f"{node}." for node in _OPEN)):
        return [line if override.is_delete() else f"++{line.lstrip('+')}"]
    if override.is_delete() or key == "hydra" or key.startswith("hydra."):
        return [line]
    if groups.repository.group_exists(key):
        # A folder that is no group here (`outputs`, `model` of a report): Hydra would not set it.
        result.errors.append(_stray(override, groups))
        return []
    value = f"++{line.lstrip('+')}"
    node = key.removesuffix("._target_")
    if node != key and node in groups.names and node not in chosen:
        # Another class in place of the default option: that option's keys are not meant for it.
        gone = f"~{node}"
        return [value] if gone in result.lines else [gone, value]
    return [value]


def _choice(line: str, override: Override, groups: Groups, result: Overrides) -> list[str]:
    group = override.key_or_group
    line = line.lstrip("+")
    if override.is_delete() or override.is_sweep_override():
        return [line]
    wanted = override.value()
    if wanted is None:
        # Hydra itself has no word for "none of them" but leaving the choice out.
        if group in _node_names(groups.verb) or group.startswith("hydra/"):
            result.errors.append(unknown_option(group, "null", groups.options(group)))
            return _instead(group, None, result)
        return [f"~{group}"]
    if isinstance(wanted, list):
        return _choices(line, group, wanted, groups, result)
    if not isinstance(wanted, str) or groups.has(group, wanted):
        return [line]
    options = groups.options(group)
    result.errors.append(unknown_option(group, wanted, options))
    return _instead(group, nearest(wanted, options), result)


def _choices(
    line: str, group: str, wanted: Sequence[object], groups: Groups, result: Overrides
) -> list[str]:
    """`debug=[fast,profile]` merges both; two models merged would be neither."""
    options = groups.options(group)
    if group in _node_names(groups.verb):
        shown = f"[{','.join(map(str, wanted))}]"
        remedy = f"`seqbench sweep {group}={shown[1:-1]}` runs every one of them"
        result.errors.append(ConfigError(group, expected="one option", got=shown, remedy=remedy))
        return _instead(group, None, result)
    wrong = [str(item) for item in wanted if not groups.has(group, str(item))]
    result.errors += [unknown_option(group, item, options) for item in wrong]
    return [] if wrong else [line]


def _instead(group: str, near: str | None, result: Overrides) -> list[str]:
    """What to compose in place of a wrong choice, so that keys meant for it are judged, too."""
    if near is not None:
        return [f"{group}={near}"]
    result.doubtful |= {group, "task"} if group == "data" else {group}
    return []


def _node_names(verb: str) -> frozenset[str]:
    """Groups whose option is a part of the run, so that there is exactly one."""
    return frozenset(key_of(item.name) for item in fields(PRIMARY[verb]))


def _stray(override: Override, groups: Groups) -> ConfigError:
    key = override.key_or_group
    top = [key_of(item.name) for item in fields(PRIMARY[groups.verb])]
    below = {
        item.name: f"{node}.{item.name}"
        for node, keys in PLAIN_NODES.items()
        for item in fields(keys)
        if node in top
    }
    meant = below.get(key) or nearest(key, top)
    return ConfigError(
        key,
        expected="a key of the configuration" if meant else f"one of {listed(top)}",
        got=(override.input_line or "").partition("=")[2],
        remedy=did_you_mean(meant),
    )


def _several(override: Override) -> ConfigError:
    return ConfigError(
        override.key_or_group,
        expected="one value",
        got=(override.input_line or "").partition("=")[2],
        remedy="`seqbench sweep` runs every one of them; a list is written [a,b]",
    )
