"""A job: one run, composed, checked and named; frozen on disk before anything executes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig

from seqbench.config.identity import name_of, run_id
from seqbench.config.schema import RUN_KEYS
from seqbench.config.signatures import is_baseline as is_baseline_class
from seqbench.config.validate import checked
from seqbench.errors import ConfigError, RecordError, first_line
from seqbench.records.names import is_below
from seqbench.records.store import unwritable, write_atomic

_UNNAMED_STUDY = "default"
BASELINES = "baseline/"  # by this folder of its choice a baseline is known from here on


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run to be done.

    Attributes:
        run_id: `<data>-<model>-s<seed>-<hash8>`.
        study: the folder below `paths.outputs`.
        seed: the run's seed.
        config: resolved, plain containers, with `run_id` and `choices`: the option chosen of each
            group, or the name of the class that took its place.
        overrides: the command line's overrides that made it.
    """

    run_id: str
    study: str
    seed: int
    config: dict[str, Any]
    overrides: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """`<outputs>/<study>/<run_id>`."""
        return Path(self.config["paths"]["outputs"]) / self.study / self.run_id


def job_from(
    config: DictConfig,
    choices: Mapping[str, str | None],
    overrides: Sequence[str],
    *,
    verb: str = "train",
    doubtful: frozenset[str] = frozenset(),
) -> Job:
    """Resolves, checks and names a composed run.

    Args:
        config: composed, without Hydra's own node; keys that only the verb has are checked and
            left out of the job.
        choices: Hydra's choices, group to option.
        overrides: what the user said.
        verb: whose keys `config` has: train, sweep or benchmark.
        doubtful: nodes whose keys are not judged.

    Raises:
        ConfigErrors: every mistake there is.
    """
    plain = checked(config, verb, said=overrides, doubtful=doubtful)
    return job_of(plain, choices, overrides)


def job_of(
    plain: Mapping[str, Any], choices: Mapping[str, str | None], overrides: Sequence[str]
) -> Job:
    """The job of a resolved, checked config."""
    config = {key: value for key, value in plain.items() if key in RUN_KEYS}
    chosen = {key: value for key, value in choices.items() if not key.startswith("hydra/")}
    experiment = chosen.get("experiments")
    if config["study"] == _UNNAMED_STUDY and experiment:
        config["study"] = experiment.rpartition("/")[2]
    replaced = {line.lstrip("+").partition("._target_=")[0] for line in overrides}
    for group, node in config.items():
        is_node = isinstance(node, Mapping) and "_target_" in node
        if is_node and (group in replaced or not chosen.get(group)):
            chosen[group] = name_of(group, config, {})  # its class, in place of an option's
        if is_node and group == "model" and is_baseline_class(node["_target_"]):
            chosen[group] = f"{BASELINES}{str(chosen[group]).removeprefix(BASELINES)}"
    config["choices"] = dict(sorted(chosen.items()))
    config["run_id"] = run_id(config, chosen)
    return _job(config, overrides)


def is_baseline(config: Mapping[str, Any]) -> bool:
    """Whether the model of a job's config is a baseline rather than a network."""
    return str(config["choices"]["model"]).startswith(BASELINES)


def freeze(job: Job, path: Path) -> None:
    """Writes the job's config, atomically; `thaw` gives back an equal job.

    Raises:
        RecordError: the file cannot be written.
        ConfigError: a value is text that no file can hold.
    """
    document = {**job.config, "overrides": list(job.overrides)}
    try:
        text = yaml.dump(document, Dumper=_DUMPER, sort_keys=False, allow_unicode=True)
    except UnicodeEncodeError as error:  # bytes of a file's name, as a shell hands them over
        raise ConfigError(
            "config", expected="values of Unicode text", got=ascii(error.object)[:80]
        ) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    write_atomic(path, text)


def thaw(path: Path) -> Job:
    """The job frozen at `path` (a file, or the run folder that holds config.yaml).

    Raises:
        RecordError: there is none, or it is not a job's config.
    """
    file = path / "config.yaml" if path.is_dir() else path
    try:
        config = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecordError(str(file), expected="a job's config", got=first_line(error)) from error
    if not isinstance(config, dict) or not {"run_id", "study", "seed"} <= config.keys():
        raise RecordError(str(file), expected="a job's config with run_id, study and seed")
    overrides = config.pop("overrides", [])
    named = is_below(config["run_id"]) and is_below(config["study"]) and _is_seed(config["seed"])
    if not named or not _are_texts(overrides) or not _are_texts(list(config)):
        raise RecordError(
            str(file),
            expected="run_id and study that name folders, a seed, overrides that are texts",
        )
    return _job(config, overrides)


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _job(config: dict[str, Any], overrides: Sequence[str]) -> Job:
    """The job whose config this is, named in it."""
    named = {key: config[key] for key in ("run_id", "study", "seed")}
    return Job(**named, config=config, overrides=tuple(overrides))


# The C versions where libyaml is at hand: ten times as fast, the same text.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
