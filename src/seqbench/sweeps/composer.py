"""Composing many jobs that differ little: groups once a combination, values each time."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from seqbench.config.compose import reporting, without_hydra
from seqbench.config.engine import Groups
from seqbench.config.job import Job, job_of
from seqbench.config.overrides import parse, read
from seqbench.config.validate import refuse_mistakes, resolved
from seqbench.errors import ConfigError, ConfigErrors

# A resolver without anything of the config in its arguments: ${oc.env:NAME,null}.
_STANDS_ALONE = re.compile(r"\$\{[\w.]+:[^${}]*\}")


@dataclass(frozen=True)
class _Base:
    """The config of one combination of choices.

    Attributes:
        choices: Hydra's, group to option.
        hydra: the config with Hydra's own node.
        config: without it.
        plain: resolved, if none of its interpolations looks at other keys; else None.
    """

    choices: dict[str, str | None]
    hydra: DictConfig
    config: DictConfig
    plain: dict[str, Any] | None


@dataclass
class Composer:
    """Makes jobs of override lists.

    Args:
        loader: Hydra's.
        groups: what there is to choose from.
        hydra_overrides: the command line's overrides of Hydra itself.
    """

    loader: ConfigLoaderImpl
    groups: Groups
    hydra_overrides: Sequence[str] = ()
    _bases: dict[tuple[str, ...], _Base] = field(default_factory=dict)
    _current: tuple[str, ...] | None = None

    def jobs(self, runs: Iterable[tuple[str, ...]]) -> tuple[Job, ...]:
        """The jobs of these override lists, each run once.

        Raises:
            ConfigErrors: every mistake of every job; or runs of several studies.
        """
        found: dict[str, Job] = {}
        errors: dict[str, ConfigError] = {}
        studies: dict[str, None] = {}
        for lines in runs:
            try:
                job = self.job(lines)
                studies[job.study] = None
                found.setdefault(job.run_id, job)
            except ConfigErrors as error:
                errors.update((item.line(), item) for item in error.errors)
        if len(studies) > 1 and not errors:
            errors["study"] = ConfigError(
                "study",
                expected="one for all runs of a sweep",
                got=", ".join(studies),
                remedy="sweep each study by itself",
            )
        if errors:
            raise ConfigErrors(list(errors.values()))
        return tuple(found.values())

    def job(self, lines: tuple[str, ...]) -> Job:
        """One job.

        Raises:
            ConfigErrors: every mistake of this job.
        """
        said = read(lines, self.groups, sweeping=False)
        values = [line for line in said.lines if self._sets_value(line)]
        choices = tuple(line for line in said.lines if line not in values)
        with reporting(said.errors, self.groups):
            base = self._base(choices)
            plain, unresolved = _with_values(base, [parse(line) for line in values])
        errors = [*said.errors, *unresolved]
        try:
            doubtful = frozenset(said.doubtful)
            refuse_mistakes(plain, "sweep", unresolved, said=lines, doubtful=doubtful)
        except ConfigErrors as found:
            errors = [*said.errors, *found.errors]
        if errors:
            raise ConfigErrors(errors)
        return job_of(plain, base.choices, lines)

    def _sets_value(self, line: str) -> bool:
        if line.startswith("~"):
            return not self.groups.is_group(line[1:].partition("=")[0])
        return line.startswith("++")

    def _base(self, choices: tuple[str, ...]) -> _Base:
        if choices not in self._bases:
            full = self.loader.load_configuration(
                "sweep", [*self.hydra_overrides, *choices], RunMode.RUN, from_shell=False
            )
            HydraConfig.instance().set_config(full)
            bare = without_hydra(full)
            found, errors = resolved(bare)
            plain = found if _is_independent(bare) and not errors else None
            self._bases[choices] = _Base(dict(full.hydra.runtime.choices), full, bare, plain)
        elif self._current != choices:
            HydraConfig.instance().set_config(self._bases[choices].hydra)  # for ${hydra:…}
        self._current = choices
        return self._bases[choices]


def _with_values(
    base: _Base, overrides: Sequence[Override]
) -> tuple[dict[str, Any], list[ConfigError]]:
    """The base with values set, resolved; plain assignments where that comes to the same."""
    if base.plain is not None and all(map(_is_plain, overrides)):
        plain = _copied(base.plain)
        if all(_set(plain, item.key_or_group, item.value()) for item in overrides):
            return plain, []
    config = copy.deepcopy(base.config)
    ConfigLoaderImpl._apply_overrides_to_config(list(overrides), config)
    return resolved(config)


def _is_independent(config: DictConfig) -> bool:
    texts = _texts(OmegaConf.to_container(config, resolve=False))
    return all("${" not in _STANDS_ALONE.sub("", text) and text != "???" for text in texts)


def _is_plain(override: Override) -> bool:
    value = override.value()
    return (
        override.is_force_add()
        and re.fullmatch(r"[\w.]+", override.key_or_group) is not None
        and not isinstance(value, Mapping)
        and isinstance(value, str | int | float | list | None)
        and not any("${" in text or text == "???" for text in _texts(value))
    )


def _set(plain: dict[str, Any], key: str, value: Any) -> bool:
    """Sets a dotted key; False where that goes through a list, which OmegaConf knows to do."""
    node: Any = plain
    *parents, leaf = key.split(".")
    for parent in parents:
        if isinstance(node.get(parent), list):
            return False
        if not isinstance(node.get(parent), dict):
            node[parent] = {}
        node = node[parent]
    node[leaf] = _copied(value)
    return True


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping | list):
        for item in node.values() if isinstance(node, Mapping) else node:
            yield from _texts(item)


def _copied(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copied(item) for key, item in node.items()}
    return [_copied(item) for item in node] if isinstance(node, list) else node
