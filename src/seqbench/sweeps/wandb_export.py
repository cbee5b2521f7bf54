"""A study as sweep definitions of W&B's: what `wandb sweep` reads and its agents carry out.

A W&B sweep has one product of parameters: a grid and the runs beside it make a definition each.
Its agent writes a run's parameters as Python prints them, `key=value`, behind the words of
`command`; values are written so that Hydra reads these words as it read those of the study.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from seqbench.config.overrides import parse
from seqbench.config.schema import RunKeys, SweepKeys
from seqbench.errors import ConfigError
from seqbench.records.store import write_atomic
from seqbench.sweeps.grid import Axes

Parameter = dict[str, Any]
Parameters = dict[str, Parameter]

_SWEEPS_OWN = {item.name for item in fields(SweepKeys)} - {item.name for item in fields(RunKeys)}


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One W&B sweep.

    Attributes:
        fixed: overrides that all of its runs have.
        parameters: what differs, as W&B writes it: {"values": […]}, or a distribution.
        method: how W&B chooses values.
        metric: what is best, as the runs tell W&B, and whether more of it is; None if unknown.
        run_cap: runs at most; None for no limit.
    """

    fixed: tuple[str, ...]
    parameters: Parameters
    method: Literal["grid", "random", "bayes"] = "grid"
    metric: tuple[str, bool] | None = None
    run_cap: int | None = None

    @property
    def num_runs(self) -> int | None:
        """How many runs it makes; None for no end of them."""
        if self.method != "grid":
            return self.run_cap
        return math.prod(len(each.get("values", [0])) for each in self.parameters.values())

    def document(
        self, *, study: str, project: str, entity: str | None, words: Sequence[str]
    ) -> Any:
        """What the file holds.

        Args:
            study: names the sweep.
            project: where W&B keeps it.
            entity: whose; None for the account's own.
            words: of the command line, before the overrides.
        """
        document: dict[str, Any] = {"name": study, "project": project}
        if entity is not None:
            document["entity"] = entity
        document["method"] = self.method
        if self.metric is not None:
            name, higher_is_better = self.metric
            goal = "maximize" if higher_is_better else "minimize"
            document["metric"] = {"name": name, "goal": goal}
        if self.run_cap is not None:
            document["run_cap"] = self.run_cap
        document["program"] = "seqbench"
        document["command"] = ["${env}", *words, *self.fixed, "${args_no_hyphens}"]
        document["parameters"] = self.parameters
        return document


def of_grid(products: Sequence[Axes], logger: Mapping[str, Any]) -> list[Definition]:
    """The definitions of a grid and of what is beside it.

    Args:
        products: what is swept.
        logger: the runs' `logger` node; runs that W&B would not hear of are told to log to it.

    Raises:
        ConfigError: nothing is said that a sweep could be made of, or loggers are swept.
    """
    found = []
    for axes in products:
        kept = {key: lines for key, lines in axes.items() if not _is_sweeps_own(key)}
        swept = [key for key, lines in kept.items() if len(lines) > 1]
        _refuse_silencing(swept)
        # W&B wants a parameter, also of a single run: then the last thing said is one.
        single = [key for key in kept if not key.startswith("~") and key not in _SILENCING][-1:]
        chosen = set(swept or single)
        if not chosen:
            raise ConfigError(
                "export",
                expected="something to sweep",
                got="a single run",
                remedy="name a study (experiments=NAME), or values: seed=0,1,2",
            )
        parameters = {
            key: {"values": [value_of(line.partition("=")[2]) for line in kept[key]]}
            for key in kept
            if key in chosen
        }
        fixed = tuple(lines[0] for key, lines in kept.items() if key not in chosen)
        found.append(Definition(fixed=for_agents(fixed, logger), parameters=parameters))
    return found


def value_of(text: str) -> str | int | float | bool:
    """A value as W&B keeps it, so that the agent's `key=value` means what `key=text` does.

    Numbers and booleans stand for themselves, for W&B's charts; null, lists and quoted texts stay
    as Hydra reads them, since Python prints them otherwise. So does 1.0, which JSON makes 1.
    """
    value = parse(f"key={text}").value()
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value) and not value.is_integer():
        return value
    return text


def for_agents(fixed: Sequence[str], logger: Mapping[str, Any]) -> tuple[str, ...]:
    """The overrides of a sweep as `seqbench train` takes them, and W&B hears of the run.

    A run that does not log to it, the agent would take for crashed.
    """
    keys = {line: line.lstrip("+~").partition("=")[0] for line in fixed}
    kept = [line for line, key in keys.items() if not _is_sweeps_own(key)]
    wandb = logger.get("wandb")
    if wandb is not None and wandb.get("mode") != "offline":
        return tuple(kept)
    return (*(line for line in kept if keys[line] not in _SILENCING), "logger=wandb")


_SILENCING = ("logger", "logger.wandb", "logger.wandb.mode")


def _refuse_silencing(swept: Iterable[str]) -> None:
    """Refuses keys whose values decide whether W&B hears of a run.

    Raises:
        ConfigError: one of them is swept.
    """
    for key in swept:
        if key in _SILENCING:
            raise ConfigError(
                key,
                expected="one value: a run that W&B does not hear of it takes for crashed",
                got="several",
            )


def write_definitions(
    definitions: Sequence[Definition],
    folder: Path,
    *,
    project: str,
    entity: str | None,
    words: Sequence[str],
) -> list[Path]:
    """Writes one file a definition; those of an earlier export that it does not replace are gone.

    Args:
        definitions: the first is the grid's.
        folder: the study's.
        project: where W&B keeps the sweeps.
        entity: whose; None for the account's own.
        words: of the command line, before the overrides: program, verb and flags.

    Raises:
        RecordError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, definition in enumerate(definitions, start=1):
        path = folder / (f"wandb_sweep_{number}.yaml" if number > 1 else "wandb_sweep.yaml")
        document = definition.document(
            study=folder.name, project=project, entity=entity, words=words
        )
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
        write_atomic(path, f"{_head(path)}{text}")
        paths.append(path)
    for path in set(folder.glob("wandb_sweep_*.yaml")) - set(paths):
        path.unlink()
    return paths


def _head(path: Path) -> str:
    return (
        f"# Once:                wandb sweep {shlex.quote(str(path))}\n"
        f"# As often as you like: cd {shlex.quote(str(Path.cwd()))} && wandb agent SWEEP"
        "   (it prints SWEEP)\n"
        "# A run that is complete already is not trained again and tells W&B nothing: force=true.\n"
    )


def _is_sweeps_own(key: str) -> bool:
    return key in _SWEEPS_OWN
