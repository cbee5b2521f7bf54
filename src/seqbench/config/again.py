"""The job of a record: its own config once more, in a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqbench.config.job import BASELINES, Job, job_of
from seqbench.config.overrides import parse
from seqbench.config.schema import RUN_KEYS
from seqbench.config.validate import refuse_mistakes
from seqbench.errors import ConfigError, ConfigErrors, RecordError
from seqbench.records.identity import EXCLUDED
from seqbench.records.load import StoredRun
from seqbench.records.plain_json import node

SUFFIX = "-again"
# What may be said beside `from`. `trainer.log_every` changes no result, but the history.
FREE = (
    "paths",
    "logger",
    "study",
    "tags",
    "force",
    "callbacks.progress",
    "data.num_workers",
    "trainer.checkpoint_every",
    "trainer.profiler",
)


def job_again(run: StoredRun, said: Job) -> Job:
    """The job that does a recorded run again: the same run id, in the study `<its study>-again`.

    Args:
        run: the record, and where it lies.
        said: the job of the command line, of which only what is in FREE counts.

    Raises:
        ConfigErrors: something was said that could change the result; or the record's config
            cannot be run here.
        RecordError: the config is not that of the run that the record names.
    """
    keys = {line: parse(line).key_or_group for line in said.overrides}
    _refuse_changes(keys)
    record = run.record
    config = _config(run, said, [key for key in keys.values() if key != "from"])
    job = job_of(config, _choices(record.group("choices")), record.overrides)
    if job.run_id != record.run_id:
        raise RecordError(
            str(run.folder.record),
            expected=f"the config of run {record.run_id}",
            got=f"that of {job.run_id}",
            remedy="it was changed since, or written by a version that names runs otherwise",
        )
    if _is_same(job.folder, run.folder.path):
        raise ConfigError(
            "study",
            expected="another folder than that of the run itself",
            got=str(job.folder),
            remedy="leave study and paths.outputs out, or choose others",
        )
    return job


def _refuse_changes(keys: Mapping[str, str]) -> None:
    errors = [
        ConfigError(
            key,
            expected=f"nothing beside from=… but {', '.join(FREE)}",
            got=line.partition("=")[2] or line,
            remedy="it could change the result: leave it out",
        )
        for line, key in keys.items()
        if key != "from" and not _is_free(key)
    ]
    if errors:
        raise ConfigErrors(errors)


def _is_free(key: str) -> bool:
    return any(key == free or key.startswith(f"{free}.") for free in FREE)


def _config(run: StoredRun, said: Job, keys: list[str]) -> dict[str, Any]:
    """The record's config with what was said in place, checked as if composed here."""
    recorded = run.record.config
    here = {key: value for key, value in said.config.items() if key in EXCLUDED}
    config = {key: value for key, value in {**here, **recorded}.items() if key in RUN_KEYS}
    config["study"] = f"{run.record.study}{SUFFIX}"
    config["force"] = said.config["force"]
    config["paths"] = _paths(run.record.group("paths"), said.config["paths"])
    for key in keys:
        _put(config, said.config, key)
    try:
        refuse_mistakes({**config, "from": None}, "train")
    except ConfigErrors as found:
        raise ConfigErrors(
            [_of_record(run.folder.record, error) for error in found.errors]
        ) from found
    return config


def _choices(recorded: Mapping[str, Any]) -> dict[str, str | None]:
    """As Hydra told them; that a model is a baseline its class says, not its choice."""
    found = {key: value for key, value in recorded.items() if isinstance(value, str | None)}
    if model := found.get("model"):
        found["model"] = model.removeprefix(BASELINES)
    return found


def _paths(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, Any]:
    """This machine's; the record's own mirror of datasets where this one names none."""
    return {**here, "datasets": here["datasets"] or recorded.get("datasets")}


def _put(config: dict[str, Any], said: Mapping[str, Any], key: str) -> None:
    """Takes the value at a dotted key over."""
    *parents, leaf = key.split(".")
    for parent in parents:
        config[parent] = dict(node(config, parent))
        config, said = config[parent], said[parent]
    if leaf in said:
        config[leaf] = said[leaf]
    else:  # `~key`: its default
        config.pop(leaf, None)


def _of_record(path: Path, error: ConfigError) -> ConfigError:
    return ConfigError(
        f"{path}, config.{error.name}",
        expected=error.expected,
        got=error.got,
        remedy=error.remedy,
    )


def _is_same(first: Path, second: Path) -> bool:
    return first.resolve() == second.resolve()
