"""`seqbench <verb> --help`, told from the configuration files alone."""

from __future__ import annotations

from typing import Any

import yaml

from seqbench.config.locations import configs_root

_WIDTH = 96
_EXAMPLES = {
    "train": [
        "seqbench train model=gru data=docstrings",
        "seqbench train model=transformer optimizer.lr=3e-4 trainer.max_epochs=10 seed=1",
        "seqbench train model._target_=my_package.MyEncoder model.d_hidden=64",
        "seqbench train debug=fast",
        "seqbench train from=outputs/default/<run_id>",
    ],
    "sweep": [
        "seqbench sweep experiments=quickstart",
        "seqbench sweep model=lstm,gru,transformer seed='range(0,5)' study=mine",
        "seqbench sweep experiments=quickstart seed=0 dry_run=true",
    ],
    "evaluate": [
        "seqbench evaluate run=outputs/default/<run_id>",
        "seqbench evaluate run=… file=new.csv text_column=text label_column=label",
    ],
    "predict": [
        'seqbench predict run=outputs/default/<run_id> text="Return the mean of the axis."',
        "seqbench predict run=… interactive=true",
    ],
    "report": [
        "seqbench report runs=outputs/quickstart",
        "seqbench report runs=[outputs/a,outputs/b] out=report",
    ],
    "benchmark": ["seqbench benchmark model=lstm steps=200"],
    "publish": [
        "seqbench publish runs=outputs/quickstart dry_run=true",
        "seqbench publish runs=[outputs/a,outputs/b] project=mine entity=my_team",
    ],
}
_FLAGS = [
    "--cfg job          print the composed configuration and stop",
    "--config-dir DIR   your own option files, laid out as conf/ is",
    "--info defaults    where every part of the configuration comes from",
]


def verb_help(verb: str, purpose: str) -> str:
    """Purpose, groups with their options, further keys, examples."""
    settings, groups = _read(verb)
    lines = [f"seqbench {verb}: {purpose}", "", f"usage: seqbench {verb} [key=value …] [flags]"]
    if groups:
        lines += ["", "groups (group=option; * is the default):"]
        for group, chosen in groups.items():
            marked = [f"*{name}" if name == chosen else name for name in _options(group)]
            lines += _wrapped(group, marked)
        lines += ["", "any key of an option: group.key=value; `--cfg job` shows them all"]
    if settings:
        lines += ["", "keys:"]
        lines += [f"  {key}={_said(value)}" for key, value in settings.items()]
    lines += ["", "flags:", *(f"  {flag}" for flag in _FLAGS)]
    lines += ["", "examples:", *(f"  {example}" for example in _EXAMPLES.get(verb, []))]
    return "\n".join(lines)


def _read(verb: str) -> tuple[dict[str, Any], dict[str, str | None]]:
    """The verb's own keys, and its groups with the option chosen of each."""
    config = yaml.safe_load((configs_root() / "conf" / f"{verb}.yaml").read_text(encoding="utf-8"))
    settings: dict[str, Any] = {}
    groups: dict[str, str | None] = {}
    for entry in config.pop("defaults", []):
        if isinstance(entry, dict):
            groups.update({key: value for key, value in entry.items() if " " not in key})
        elif entry != "_self_" and "/" not in entry:
            inner_settings, inner_groups = _read(entry)
            settings.update(inner_settings)
            groups.update(inner_groups)
    config.pop("hydra", None)
    settings.update(config)
    return settings, groups


def _options(group: str) -> list[str]:
    root = configs_root()
    folder = root / "experiments" if group == "experiments" else root / "conf" / group
    found = sorted(folder.glob("*.yaml" if group == "experiments" else "**/*.yaml"))
    return [file.relative_to(folder).with_suffix("").as_posix() for file in found]


def _wrapped(group: str, options: list[str]) -> list[str]:
    lines, line = [], f"  {group:<12}"
    for option in options:
        if len(line) + len(option) + 1 > _WIDTH:
            lines.append(line)
            line = " " * 14
        line += f" {option}"
    return [*lines, line]


def _said(value: Any) -> str:
    if value == "???":
        return "  (required)"
    return yaml.safe_dump(value, default_flow_style=True).splitlines()[0]
