"""What single verbs cannot be asked for, and names and claims that lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.config.signatures import is_baseline
from seqbench.errors import ConfigError
from seqbench.records.names import is_below
from seqbench.records.stated_claims import stated_claims


def only_networks_have_steps(config: Mapping[str, Any]) -> list[ConfigError]:
    """`benchmark` times training steps."""
    target = (config.get("model") or {}).get("_target_")
    if "rounds" not in config or target is None or not is_baseline(target):
        return []
    return [ConfigError("model", expected="a network, which has steps to time", got=target)]


def one_source_of_texts(config: Mapping[str, Any]) -> list[ConfigError]:
    """`predict` takes a text, a file, or what is typed."""
    if not {"text", "file", "interactive"} <= config.keys():
        return []
    said = [key for key in ("text", "file") if config[key] is not None]
    said += ["interactive"] * bool(config["interactive"])
    if len(said) == 1:
        return []
    return [
        ConfigError(
            "text",
            expected="one of text=…, file=…, interactive=true",
            got=" and ".join(said) or "none",
        )
    ]


def columns_are_of_a_file(config: Mapping[str, Any]) -> list[ConfigError]:
    """`evaluate` reads columns of `file`; a split has those that its run was trained on."""
    if "text_column" not in config:
        return []
    if config.get("file") is not None:
        if config["split"] == "test":  # what it is where nothing was said
            return []
        return [ConfigError("split", expected="nothing beside file=…", got=repr(config["split"]))]
    return [
        ConfigError(key, expected="null without file=…", got=repr(config[key]))
        for key in ("text_column", "label_column")
        if config[key] is not None
    ]


def something_to_report(config: Mapping[str, Any]) -> list[ConfigError]:
    """`report` has at least one folder to read."""
    if "runs" not in config:
        return []
    runs = config["runs"]
    if runs and all([runs] if isinstance(runs, str) else runs):
        return []
    return [ConfigError("runs", expected="one or more folders", got=repr(config["runs"]))]


def study_is_a_folder(config: Mapping[str, Any]) -> list[ConfigError]:
    """Runs of a study lie below `paths.outputs`, nowhere else."""
    study = config.get("study")
    if not isinstance(study, str):
        return []
    if is_below(study):
        return []
    return [
        ConfigError(
            "study",
            expected="a name for a folder below paths.outputs",
            got=repr(study),
            remedy="paths.outputs=DIR chooses where that is",
        )
    ]


def claims_can_be_judged(config: Mapping[str, Any]) -> list[ConfigError]:
    """A claim that nobody could judge is a mistake before anything runs, not after."""
    return [
        ConfigError(error.name, expected=error.expected, got=error.got, remedy=error.remedy)
        for error in stated_claims(config)[1]
    ]
