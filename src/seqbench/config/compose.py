"""From overrides to a checked configuration: for Python, and for the command line.

`run_verb` does what `hydra.main` does (`--cfg`, `--info`, `--config-dir` and tab completion
included), but reports every mistake at once, as ours, and composes once.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import yaml
from hydra._internal.hydra import Hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from seqbench.config.engine import Groups, parse_flags, started, translated
from seqbench.config.job import Job, job_from
from seqbench.config.overrides import Overrides, read
from seqbench.config.schema import PRIMARY, RUN_KEYS, RunKeys
from seqbench.config.validate import checked
from seqbench.errors import ConfigError, ConfigErrors

_T = TypeVar("_T")

PlainVerb = Literal["evaluate", "predict", "report", "publish"]


def compose(
    verb: str, overrides: Sequence[str] = (), *, config_dirs: Sequence[Path | str] = ()
) -> DictConfig:
    """The composed and checked config of a verb, interpolations still in it.

    Args:
        verb: train, sweep, evaluate, predict, report, benchmark or publish.
        overrides: as on the command line: `["model=gru", "optimizer.lr=1e-3"]`.
        config_dirs: the user's own config folders.

    Raises:
        ConfigErrors: every mistake there is.
    """
    config, _, said = _composed(verb, overrides, config_dirs)
    doubtful = frozenset(said.doubtful)
    _checked_with(said.errors, lambda: checked(config, verb, said=overrides, doubtful=doubtful))
    return config


def compose_job(overrides: Sequence[str] = (), *, config_dirs: Sequence[Path | str] = ()) -> Job:
    """The job that `seqbench train <overrides>` would run.

    Raises:
        ConfigErrors: every mistake there is.
    """
    config, choices, said = _composed("train", overrides, config_dirs)
    return _job(config, choices, overrides, "train", said)


@overload
def run_verb(
    verb: Literal["train", "benchmark"],
    argv: list[str],
    function: Callable[[Job, dict[str, Any]], int],
) -> int: ...
@overload
def run_verb(
    verb: PlainVerb, argv: list[str], function: Callable[[dict[str, Any]], int]
) -> int: ...
def run_verb(verb: str, argv: list[str], function: Callable[..., int]) -> int:
    """Composes and checks what the command line says, then calls the verb's function with it.

    Args:
        verb: the primary config's stem.
        argv: what follows the verb: overrides and Hydra's flags.
        function: takes, for train and benchmark, the job and the verb's own settings; else the
            settings as a plain dict. Returns the exit code.

    Returns:
        What `function` returned; 0 after a flag that only shows something.

    Raises:
        ConfigErrors: every mistake there is; `function` was not called.
    """
    flags = parse_flags(argv)
    with started(verb, [flags.config_dir] if flags.config_dir else []) as hydra:
        groups = Groups.of(hydra.config_loader, verb)  # type: ignore[arg-type]
        said = read(flags.overrides, groups, sweeping=False)
        if shown(hydra, verb, flags, said, groups):
            return 0
        task = _Task(verb, function, tuple(flags.overrides), said)
        with reporting(said.errors, groups):
            hydra.run(verb, task, said.lines, with_log_configuration=False)
        if task.raised is not None:
            raise task.raised
        return task.code


@dataclass
class _Task:
    """What Hydra calls: keeps what goes wrong to itself, since Hydra would print it its own way."""

    verb: str
    function: Callable[..., int]
    overrides: tuple[str, ...]
    said: Overrides
    code: int = 0
    raised: BaseException | None = None

    def __call__(self, config: DictConfig) -> None:
        try:
            self.code = self.function(*self._arguments(config))
        except Exception as error:
            self.raised = error

    def _arguments(self, config: DictConfig) -> tuple[Any, ...]:
        if not issubclass(PRIMARY[self.verb], RunKeys):
            doubtful = frozenset(self.said.doubtful)
            plain = _checked_with(
                self.said.errors, lambda: checked(config, self.verb, doubtful=doubtful)
            )
            return (plain,)
        choices = dict(HydraConfig.get().runtime.choices)
        job = _job(config, choices, self.overrides, self.verb, self.said)
        settings = {str(key): config[key] for key in config if key not in RUN_KEYS}
        return job, settings


class reporting:
    """Turns Hydra's errors inside the block into ours, after those already found."""

    def __init__(self, errors: Sequence[ConfigError], groups: Groups) -> None:
        self.errors = errors
        self.groups = groups

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raises ConfigErrors in place of what Hydra raises, and of what its YAML reader does."""
        if isinstance(error, HydraException | yaml.YAMLError | UnicodeDecodeError):
            raise ConfigErrors([*self.errors, translated(error, self.groups)]) from error


def shown(hydra: Hydra, verb: str, flags: Any, said: Overrides, groups: Groups) -> bool:
    """Does what a showing flag asks for (`--cfg`, `--info`, …); whether there was one.

    Raises:
        ConfigErrors: choices or overrides that cannot be composed.
    """
    if flags.shell_completion:
        hydra.shell_completion(config_name=verb, overrides=flags.overrides)
        return True
    if not (flags.cfg or flags.info or flags.hydra_help):
        return False
    if said.errors:
        raise ConfigErrors(list(said.errors))
    with reporting((), groups):
        if flags.hydra_help:
            hydra.hydra_help(config_name=verb, args_parser=get_args_parser(), args=flags)
        elif flags.cfg:
            resolve = flags.resolve or flags.cfg == "job"
            hydra.show_cfg(verb, said.lines, flags.cfg, flags.package, resolve)
        else:
            logging.raiseExceptions = False  # it prints by logging, perhaps into a closed pipe
            mode = RunMode.MULTIRUN if verb == "sweep" else RunMode.RUN
            hydra.show_info(flags.info, verb, said.lines, mode)
    return True


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of a composed config that is the verb's alone."""
    own = copy.copy(config)
    OmegaConf.set_readonly(own, False)
    with open_dict(own):
        del own["hydra"]
    return own


def _composed(
    verb: str, overrides: Sequence[str], config_dirs: Sequence[Path | str]
) -> tuple[DictConfig, dict[str, str | None], Overrides]:
    with started(verb, config_dirs) as hydra:
        groups = Groups.of(hydra.config_loader, verb)  # type: ignore[arg-type]
        said = read(overrides, groups, sweeping=False)
        with reporting(said.errors, groups):
            config = hydra.compose_config(verb, said.lines, RunMode.RUN, from_shell=False)
        choices = dict(config.hydra.runtime.choices)
    return without_hydra(config), choices, said


def _job(
    config: DictConfig,
    choices: Mapping[str, str | None],
    overrides: Sequence[str],
    verb: str,
    said: Overrides,
) -> Job:
    doubtful = frozenset(said.doubtful)
    return _checked_with(
        said.errors, lambda: job_from(config, choices, overrides, verb=verb, doubtful=doubtful)
    )


def _checked_with(errors: Sequence[ConfigError], check: Callable[[], _T]) -> _T:
    try:
        result = check()
    except ConfigErrors as found:
        raise ConfigErrors([*errors, *found.errors]) from found
    if errors:
        raise ConfigErrors(list(errors))
    return result
