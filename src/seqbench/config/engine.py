"""Hydra, held at arm's length: how it is started, what groups it sees, what its errors mean.

The only module that touches Hydra's internals. `hydra.main` itself reads `sys.argv`, composes every
job twice and ends the process in its own way; the parts it is made of do none of that.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import yaml
from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.errors import MissingConfigException

from seqbench.config.locations import configs_root, register_resolvers
from seqbench.config.schema import PRIMARY, RunKeys
from seqbench.config.suggest import did_you_mean, listed, nearest
from seqbench.errors import ConfigError

VERSION_BASE = "1.3"


@contextmanager
def started(verb: str, config_dirs: Sequence[Path | str] = ()) -> Iterator[Hydra]:
    """Hydra over conf/, experiments/ and the user's own folders, which come first.

    Args:
        verb: stem of the primary config, and the program's name.
        config_dirs: folders laid out as conf/ is.

    Raises:
        ConfigError: a folder that does not exist.
    """
    register_resolvers()
    version.setbase(VERSION_BASE)
    search_path = create_config_search_path(str(configs_root() / "conf"))
    for folder in reversed([Path(entry).expanduser().resolve() for entry in config_dirs]):
        if not folder.is_dir():
            raise ConfigError("--config-dir", expected="a folder", got=str(folder))
        search_path.prepend(
            provider="command-line",
            path=f"file://{folder}",
            anchor=SearchPathQuery(provider="main"),
        )
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield Hydra.create_main_hydra2(f"seqbench {verb}", search_path)
    finally:
        GlobalHydra.instance().hydra = outer


def parse_flags(argv: Sequence[str]) -> argparse.Namespace:
    """Hydra's flags and the overrides among them.

    Raises:
        ConfigError: a flag that does not exist, or that has no meaning here.
    """
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise ConfigError("flags", got=message, remedy="see seqbench <verb> --help")

    parser.error = refuse  # type: ignore[method-assign]
    flags = parser.parse_args(list(argv))
    for name in ("config_path", "config_name", "experimental_rerun", "multirun"):
        if getattr(flags, name):
            refuse(f"--{name.replace('_', '-')}, which has no meaning here")
    for name in ("package", "resolve"):
        if getattr(flags, name) and not flags.cfg:
            refuse(f"--{name}, which means something beside --cfg alone")
    return flags


@dataclass(frozen=True)
class Groups:
    """The config groups that a verb can choose from, and their options."""

    repository: IConfigRepository
    verb: str

    @classmethod
    def of(cls, loader: ConfigLoaderImpl, verb: str) -> Groups:
        """The groups a verb's primary config sees, its own search path included."""
        _, repository = loader._parse_overrides_and_create_caching_repo(verb, [])
        return cls(repository, verb)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every group's name: `model`, `hydra/launcher`, and the user's own."""
        nested = self.repository.get_group_options("hydra", ObjectType.GROUP)
        hydras = frozenset(f"hydra/{name}" for name in nested)
        if not issubclass(PRIMARY[self.verb], RunKeys):
            return hydras | {"paths"}
        root = configs_root().as_posix()
        found = {"experiments"}
        for source in self.repository.get_sources():
            # The root is searched for experiments/ alone; its other folders are no groups.
            if source.path.removeprefix("file://") == root or not source.available():
                continue
            found.update(source.list("", results_filter=ObjectType.GROUP))
        return frozenset(found) | hydras

    def is_group(self, name: str) -> bool:
        """Whether `name=…` chooses an option."""
        if name in self.names:
            return True
        above = [each for each in self.names if name.startswith(f"{each}/")]
        return bool(above) and self.repository.group_exists(name)

    def options(self, group: str) -> list[str]:
        """Every option of a group, those in folders below it too: `baseline/majority`."""
        found = list(self.repository.get_group_options(group, ObjectType.CONFIG))
        for folder in self.repository.get_group_options(group, ObjectType.GROUP):
            found += [f"{folder}/{option}" for option in self.options(f"{group}/{folder}")]
        return found

    def has(self, group: str, option: str) -> bool:
        """Whether the group has the option."""
        return self.repository.config_exists(f"{group}/{option}")


def unknown_option(group: str, option: str, options: Sequence[str]) -> ConfigError:
    """The error of a choice that does not exist."""
    near = nearest(option, options)
    return ConfigError(
        group,
        expected=f"one of {listed(options)}" if options else "",
        got=option,
        remedy=did_you_mean(f"{group}={near}" if near else None),
    )


def translated(error: Exception, groups: Groups) -> ConfigError:
    """The error of Hydra, or of its YAML reader, as one line of ours."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        where = f"{mark.name}, line {mark.line + 1}"
        return ConfigError(where, expected="YAML", got=error.problem or "something else")
    if isinstance(error, yaml.YAMLError | UnicodeDecodeError):
        return ConfigError("config", expected="option files of YAML in UTF-8", got=str(error))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        top = group.split("/")[0]
        if top and groups.is_group(top):
            option = error.missing_cfg_file.removeprefix(f"{top}/")
            return unknown_option(top, option, groups.options(top))
        return ConfigError(error.missing_cfg_file, expected="a config that exists", got="nothing")
    if found := re.match(r"(?:In '(.+?)': )?Could not override '(.+?)'", lines[0] if lines else ""):
        where, key = found.groups()
        if "." in key:
            return ConfigError(key, expected=f"a key of {key.rpartition('.')[0]}")
        near = nearest(key, groups.names)
        return ConfigError(
            f"{key} (in {where})" if where else key,
            expected="a config group in the defaults list",
            remedy=did_you_mean(near),
        )
    if found := re.match(
        r"Could not delete from config\. '?([^' ]+)'? ", lines[0] if lines else ""
    ):
        return ConfigError(f"~{found[1]}", expected="a key that is set", got="none of that name")
    cause = error.__cause__
    lines += [line.strip() for line in str(cause or "").splitlines() if line.strip()]
    return ConfigError("config", expected="a configuration that composes", got=" ".join(lines[:4]))
