"""A sweep's jobs, all composed and checked before the first starts, and how they are executed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from seqbench.config.compose import reporting, without_hydra
from seqbench.config.engine import Groups
from seqbench.config.job import Job, freeze, job_from
from seqbench.config.overrides import parse, read
from seqbench.errors import ConfigError, ConfigErrors
from seqbench.records.folder import RunFolder
from seqbench.sweeps.execute import Execute, Outcome, unfinished

# Executes jobs, calling back with each outcome as it comes.
Launch = Callable[[Sequence[Job], Execute, Callable[[Outcome], None]], None]


@dataclass(frozen=True)
class Plan:
    """What a sweep will do.

    Attributes:
        jobs: the runs, each once, in the grid's order.
        settings: the keys that only `sweep` has: `dry_run`, `report`.
        launch: how they are executed.
    """

    jobs: tuple[Job, ...]
    settings: dict[str, Any]
    launch: Launch = field(repr=False)

    @property
    def study(self) -> str:
        """The study of the first job."""
        return self.jobs[0].study

    def execute(
        self, execute: Execute, *, on_outcome: Callable[[Outcome], None] | None = None
    ) -> list[Outcome]:
        """Freezes every job's config in its run folder, then executes them all.

        Args:
            execute: does one job and returns its record; what it raises is that job's outcome.
            on_outcome: called as each job ends.

        Returns:
            One outcome a job; after Ctrl-C those not ended are `interrupted`.
        """
        for job in self.jobs:
            _freeze(job)
        outcomes: list[Outcome] = []

        def ended(outcome: Outcome) -> None:
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)

        with suppress(KeyboardInterrupt):  # told by the jobs without an outcome
            self.launch(self.jobs, execute, ended)
        return outcomes + unfinished(self.jobs, outcomes)


def _freeze(job: Job) -> None:
    """Writes config.yaml; a completed run keeps the one it was made with."""
    folder = RunFolder(job.folder)
    if not job.config["force"]:
        record = folder.read_record()
        if record is not None and record.status == "completed":
            return
    freeze(job, folder.config)


@dataclass
class Composer:
    """Composes many jobs that differ little: groups once a combination, values each time."""

    loader: ConfigLoaderImpl
    groups: Groups
    hydra_overrides: Sequence[str] = ()
    _bases: dict[tuple[str, ...], tuple[DictConfig, DictConfig]] = field(default_factory=dict)
    _current: tuple[str, ...] | None = None

    def jobs(self, runs: Iterable[tuple[str, ...]]) -> tuple[Job, ...]:
        """The jobs of these override lists, duplicates left out.

        Raises:
            ConfigErrors: every mistake of every job.
        """
        found: dict[str, Job] = {}
        errors: dict[str, ConfigError] = {}
        for lines in runs:
            try:
                job = self.job(lines)
                found.setdefault(job.run_id, job)
            except ConfigErrors as error:
                errors.update((item.line(), item) for item in error.errors)
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
            base, bare = self._base(choices)
            config = copy.deepcopy(bare)
            ConfigLoaderImpl._apply_overrides_to_config([parse(line) for line in values], config)
        try:
            job = job_from(
                config,
                dict(base.hydra.runtime.choices),
                lines,
                verb="sweep",
                doubtful=frozenset(said.doubtful),
            )
        except ConfigErrors as found:
            raise ConfigErrors([*said.errors, *found.errors]) from found
        if said.errors:
            raise ConfigErrors(said.errors)
        return job

    def _sets_value(self, line: str) -> bool:
        if line.startswith("~"):
            return not self.groups.is_group(line[1:].partition("=")[0])
        return line.startswith("++")

    def _base(self, choices: tuple[str, ...]) -> tuple[DictConfig, DictConfig]:
        """The config of these choices, with Hydra's own node and without."""
        if choices not in self._bases:
            base = self.loader.load_configuration(
                "sweep", [*self.hydra_overrides, *choices], RunMode.RUN, from_shell=False
            )
            self._bases[choices] = base, without_hydra(base)
        if self._current != choices:
            HydraConfig.instance().set_config(self._bases[choices][0])  # for ${hydra:…}
            self._current = choices
        return self._bases[choices]
