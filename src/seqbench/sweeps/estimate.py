"""What the runs of a sweep will take, judged by completed runs like them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from seqbench.records.folder import RunFolder
from seqbench.records.identity import EXCLUDED, without
from seqbench.records.plain_json import load_json, node
from seqbench.records.record import COMPLETED
from seqbench.sweeps.state import RunStatus

if TYPE_CHECKING:
    from seqbench.config.job import Job

_NOT_CONFIGURATION = frozenset((*EXCLUDED, "seed"))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What is to be done, and how long it will take.

    Attributes:
        runs: wall seconds by run id of every run to do; None where nothing like it was run.
        slots: how many run at once.
    """

    runs: Mapping[str, float | None]
    slots: int

    @property
    def known(self) -> list[float]:
        """The seconds that are known."""
        return [seconds for seconds in self.runs.values() if seconds is not None]

    @property
    def unknown(self) -> int:
        """How many runs there is no estimate for."""
        return len(self.runs) - len(self.known)

    @property
    def seconds(self) -> float:
        """Until all runs of known cost are done: never less than the longest of them takes."""
        return together(self.known, self.slots)


def estimate(
    jobs: Sequence[Job],
    statuses: Sequence[RunStatus],
    slots: int,
    *,
    todo: Collection[str] | None = None,
) -> Estimate:
    """What the sweep has yet to do, and what that will take.

    A run takes as long as the mean of the completed runs of its study that differ from it by seed
    alone; failing those, of those with the same model and data. Of their set-up times the shortest
    counts: the first run of a dataset also filled its cache.

    Args:
        jobs: the sweep's.
        statuses: one a job, as `survey` gives them.
        slots: how many run at once.
        todo: ids of the runs to do; by default those not completed, and those with `force`.
    """
    if todo is None:
        todo = {
            job.run_id
            for job, status in zip(jobs, statuses, strict=True)
            if status.state != COMPLETED or job.config.get("force")
        }
    chosen = [job for job in jobs if job.run_id in todo]
    alike, akin = _costs({job.folder.parent for job in chosen})
    runs: dict[str, float | None] = {}
    for job in chosen:
        found = alike.get(_configuration(job.config)) or akin.get(_choices(job.config))
        runs[job.run_id] = None if found is None else _typical(found)
    return Estimate(runs=runs, slots=slots)


def together(seconds: Collection[float], slots: int) -> float:
    """How long runs take that share the slots: never less than the longest."""
    return max(sum(seconds) / max(slots, 1), max(seconds, default=0.0))


@dataclass(frozen=True)
class _Cost:
    """Wall seconds of a completed run."""

    setup: float
    work: float


_Costs = dict[str, list[_Cost]]


def _costs(studies: Iterable[Path]) -> tuple[_Costs, _Costs]:
    """The costs of the completed runs, by configuration, and by model and data."""
    alike: _Costs = {}
    akin: _Costs = {}
    for study in studies:
        for config, cost in _completed(study):
            alike.setdefault(_configuration(config), []).append(cost)
            akin.setdefault(_choices(config), []).append(cost)
    return alike, akin


def _completed(study: Path) -> Iterator[tuple[Mapping[str, Any], _Cost]]:
    try:
        folders = sorted(study.iterdir())
    except OSError:
        return
    for folder in folders:
        try:
            plain = load_json(RunFolder(folder).record.read_text(encoding="utf-8"))
            if plain["status"] != COMPLETED:
                continue
            config, cost = plain["config"], plain["cost"]
            work = [cost[key] for key in ("train_seconds", "test_seconds")]
            known = [float(value) for value in work if value is not None]
            setup = float(cost["setup_seconds"] or 0.0)
        except (OSError, ValueError, LookupError, TypeError):
            continue  # the survey names it, if it is one of the sweep's
        if known and isinstance(config, Mapping):
            yield config, _Cost(setup, sum(known))


def _typical(costs: Sequence[_Cost]) -> float:
    return fmean(cost.work for cost in costs) + min(cost.setup for cost in costs)


def _configuration(config: Mapping[str, Any]) -> str:
    return json.dumps([without(config, _NOT_CONFIGURATION), _choices(config)], sort_keys=True)


def _choices(config: Mapping[str, Any]) -> str:
    choices = node(config, "choices")
    return json.dumps([choices.get("model"), choices.get("data")])
