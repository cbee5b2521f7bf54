"""`seqbench sweep`: from the command line to a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher as HydraLauncher
from omegaconf import DictConfig

from seqbench.config.compose import reporting, shown
from seqbench.config.engine import Groups, parse_flags, started
from seqbench.config.job import Job, job_from, thaw
from seqbench.config.overrides import read
from seqbench.config.schema import RUN_KEYS
from seqbench.errors import ConfigError, ConfigErrors
from seqbench.sweeps.composer import Composer
from seqbench.sweeps.execute import Execute, Feed, Launcher, Observer, Outcome, attempt, reason
from seqbench.sweeps.feed import taken
from seqbench.sweeps.grid import Axes, expand
from seqbench.sweeps.launcher_settings import plain
from seqbench.sweeps.plan import Plan, no_plan
from seqbench.sweeps.pool import foreseen

if TYPE_CHECKING:  # it would bring Optuna along
    from seqbench.sweeps.tuning.tuning import Tuning


def run_sweep(argv: list[str], function: Callable[[Plan | Tuning], int]) -> int:
    """Composes and checks every run of a sweep, then calls the verb's function with the plan.

    Args:
        argv: what follows `seqbench sweep`.
        function: typically `plan.execute(run_one)`, then a report; of a search it is given a
            `Tuning`. Returns the exit code.

    Raises:
        ConfigErrors: every mistake of every run; `function` was not called.
    """
    flags = parse_flags(argv)
    with started("sweep", [flags.config_dir] if flags.config_dir else []) as hydra:
        loader = hydra.config_loader
        assert isinstance(loader, ConfigLoaderImpl)
        groups = Groups.of(loader, "sweep")
        said = read(flags.overrides, groups, sweeping=True)
        if shown(hydra, "sweep", flags, said, groups):
            return 0
        task = SweepTask(function, loader, groups, said.errors)
        with reporting(said.errors, groups), foreseen(flags.overrides):
            hydra.multirun("sweep", task, said.lines, with_log_configuration=False)
        if task.unplanned is not None:
            raise task.unplanned
        return task.code


@dataclass
class SweepTask:
    """What Hydra's sweepers and launchers call: a sweeper with a plan, a launcher with a job.

    A published launcher composes every job itself; from what it composed, the job is named, and
    then executed as it was frozen. Our faces hold `ours`, which is given the jobs and composes
    nothing.
    """

    function: Callable[[Plan | Tuning], int]
    loader: ConfigLoaderImpl
    groups: Groups
    errors: list[ConfigError] = field(default_factory=list)
    execute: Execute | None = None
    ended: Callable[[Outcome], None] | None = None
    code: int = 0
    unplanned: ConfigError | None = None

    def plan(self, products: Sequence[Axes], config: DictConfig, launcher: HydraLauncher) -> None:
        """Composes and checks every run, and calls the verb's function with the plan.

        Args:
            products: what is swept.
            config: composed without it.
            launcher: Hydra's face of what executes.

        Raises:
            ConfigErrors: every mistake of every run.
        """
        composer = Composer(self.loader, self.groups, list(config.hydra.overrides.hydra))
        try:
            runs = expand(products)
            jobs = composer.jobs(runs)
        except ConfigErrors as found:
            raise ConfigErrors([*self.errors, *found.errors]) from found
        if self.errors:
            raise ConfigErrors(self.errors)
        executes, alike = self._launcher(launcher), len(runs) - len(jobs)
        plan = Plan(jobs, _own(config), executes, alike, tuple(products))
        self.code = self.function(plan)

    def search(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, Any],
        config: DictConfig,
        launcher: HydraLauncher,
    ) -> None:
        """Reads and checks a search, and calls the verb's function with it.

        Raises:
            ConfigErrors: every mistake there is.
        """
        from seqbench.sweeps.tuning.plan_search import plan_search  # Optuna takes half a second

        executes = self._launcher(launcher)
        try:
            tuning = plan_search(
                arguments,
                plain(settings),
                composer=Composer(self.loader, self.groups, list(config.hydra.overrides.hydra)),
                groups=self.groups,
                settings=_own(config),
                launcher=executes,
                ticks=not isinstance(executes, Published),
            )
        except ConfigErrors as found:
            raise ConfigErrors([*self.errors, *found.errors]) from found
        if self.errors:
            raise ConfigErrors(self.errors)
        self.code = self.function(tuning)

    def _launcher(self, launcher: HydraLauncher) -> Launcher:
        ours: Launcher | None = getattr(launcher, "ours", None)
        return ours or Published(self, launcher)

    def __call__(self, config: DictConfig) -> Outcome:
        """Executes the job that a published launcher has composed."""
        if self.execute is None:
            self.unplanned = no_plan()
            return Outcome("", "failed", self.unplanned.line())
        composed = HydraConfig.get()
        lines = [str(line) for line in composed.overrides.task]
        job = job_from(config, dict(composed.runtime.choices), lines, verb="sweep")
        outcome = attempt(thaw(job.folder), self.execute)
        if self.ended is not None:
            self.ended(outcome)
        return outcome

    def __getstate__(self) -> dict[str, Any]:
        """What a launcher takes to another process: what executes, not what plans and shows."""
        return {"execute": self.execute, "unplanned": None}


@dataclass
class Published:
    """A launcher that knows only override lists, as one that executes jobs."""

    task: SweepTask
    hydras: HydraLauncher

    def prepare(self, jobs: Sequence[Job]) -> int:
        """It does not say how many it runs at once."""
        return 1

    def launch(
        self,
        feed: Feed,
        execute: Execute,
        ended: Callable[[Outcome], None],
        observer: Observer,
        checks: Sequence[Job] = (),
    ) -> bool:
        """Executes the jobs, as many at a time as the feed gives.

        How they ended is told as they end only by a launcher in this process; the observer hears
        of nothing else.

        Returns:
            False: Ctrl-C is an exception in such a launcher.
        """
        self.task.execute = execute
        number = 0
        while batch := taken(feed):
            self._launch(batch, number, ended)
            number += len(batch)
        if checks:
            self._launch(list(checks), number, ended)
        return False

    def _launch(self, jobs: list[Job], number: int, ended: Callable[[Outcome], None]) -> None:
        told: set[str] = set()

        def once(outcome: Outcome) -> None:
            if outcome.run_id not in told:
                told.add(outcome.run_id)
                ended(outcome)

        self.task.ended = once
        groups = self.task.groups
        overrides = [read(job.overrides, groups, sweeping=False).lines for job in jobs]
        for job, result in zip(jobs, self.hydras.launch(overrides, number), strict=True):
            once(_outcome(job, result))


def _own(config: DictConfig) -> dict[str, Any]:
    """The keys that only `sweep` has."""
    own = RUN_KEYS | {"hydra"}
    return {str(key): config[key] for key in config if key not in own}


def _outcome(job: Job, result: JobReturn) -> Outcome:
    """What a launcher says of a job that may have run in another process."""
    if result.status is JobStatus.COMPLETED and isinstance(result.return_value, Outcome):
        return result.return_value
    return Outcome(job.run_id, "failed", reason(result._return_value))
