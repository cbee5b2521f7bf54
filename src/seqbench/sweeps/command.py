"""`seqbench sweep`: from the command line to a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from seqbench.config.compose import reporting, shown
from seqbench.config.engine import Groups, parse_flags, started
from seqbench.config.job import Job, job_from, thaw
from seqbench.config.overrides import read
from seqbench.config.schema import RUN_KEYS
from seqbench.errors import ConfigError, ConfigErrors
from seqbench.sweeps.composer import Composer
from seqbench.sweeps.execute import Execute, Outcome, attempt, reason
from seqbench.sweeps.plan import Launch, Plan


def run_sweep(argv: list[str], function: Callable[[Plan], int]) -> int:
    """Composes and checks every run of a sweep, then calls the verb's function with the plan.

    Args:
        argv: what follows `seqbench sweep`.
        function: typically `plan.execute(run_one)`, then a report. Returns the exit code.

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
        with reporting(said.errors, groups):
            hydra.multirun("sweep", task, said.lines, with_log_configuration=False)
        if task.unplanned is not None:
            raise task.unplanned
        return task.code


@dataclass
class SweepTask:
    """What Hydra's sweepers and launchers call: a sweeper with a plan, a launcher with a job.

    A published launcher composes every job itself; from what it composed, the job is named, and
    then executed as it was frozen. Launchers of ours have `launch_jobs(jobs, execute, ended)` and
    compose nothing.
    """

    function: Callable[[Plan], int]
    loader: ConfigLoaderImpl
    groups: Groups
    errors: list[ConfigError] = field(default_factory=list)
    execute: Execute | None = None
    ended: Callable[[Outcome], None] | None = None
    code: int = 0
    unplanned: ConfigError | None = None

    def plan(self, runs: Sequence[tuple[str, ...]], config: DictConfig, launcher: Launcher) -> None:
        """Composes and checks every run, and calls the verb's function with the plan.

        Raises:
            ConfigErrors: every mistake of every run.
        """
        composer = Composer(self.loader, self.groups, list(config.hydra.overrides.hydra))
        try:
            jobs = composer.jobs(runs)
        except ConfigErrors as found:
            raise ConfigErrors([*self.errors, *found.errors]) from found
        if self.errors:
            raise ConfigErrors(self.errors)
        own = RUN_KEYS | {"hydra"}
        settings = {str(key): config[key] for key in config if key not in own}
        launch = getattr(launcher, "launch_jobs", None) or self._published(launcher)
        self.code = self.function(Plan(jobs, settings, launch))

    def __call__(self, config: DictConfig) -> Outcome:
        """Executes the job that a published launcher has composed."""
        if self.execute is None:
            self.unplanned = ConfigError("hydra/sweeper", expected="grid", got="one without a plan")
            return Outcome("", "failed", self.unplanned.line())
        composed = HydraConfig.get()
        lines = [str(line) for line in composed.overrides.task]
        job = job_from(config, dict(composed.runtime.choices), lines, verb="sweep")
        outcome = attempt(thaw(job.folder), self.execute)
        if self.ended is not None:
            self.ended(outcome)
        return outcome

    def _published(self, launcher: Launcher) -> Launch:
        """A launcher that knows only override lists, as one that executes jobs."""

        def launch(jobs: Sequence[Job], execute: Execute, ended: Callable[[Outcome], None]) -> None:
            told: set[str] = set()

            def once(outcome: Outcome) -> None:
                if outcome.run_id not in told:
                    told.add(outcome.run_id)
                    ended(outcome)

            self.execute, self.ended = execute, once
            overrides = [read(job.overrides, self.groups, sweeping=False).lines for job in jobs]
            for job, result in zip(jobs, launcher.launch(overrides, 0), strict=True):
                once(_outcome(job, result))

        return launch


def _outcome(job: Job, result: JobReturn) -> Outcome:
    """What a launcher says of a job that may have run in another process."""
    if result.status is JobStatus.COMPLETED and isinstance(result.return_value, Outcome):
        return result.return_value
    return Outcome(job.run_id, "failed", reason(result._return_value))
