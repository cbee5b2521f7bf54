"""A sweep's jobs, all composed and checked before the first starts, and how they are executed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import ConfigError
from seqbench.records.claim import require_locks
from seqbench.sweeps.execute import Execute, Launcher, Observer, Outcome, unfinished
from seqbench.sweeps.feed import Listed
from seqbench.sweeps.freezing import free, freeze_idle
from seqbench.sweeps.grid import Axes
from seqbench.sweeps.kept import Kept, forced
from seqbench.sweeps.state import RunStatus, survey


@dataclass(frozen=True)
class Plan:
    """What a sweep will do.

    Attributes:
        jobs: the runs, each once, in the grid's order.
        settings: the keys that only `sweep` has: `dry_run`, `watch`, `report`, `retry_failed`,
            `rerun`, `export`.
        launcher: how they are executed.
        num_alike: combinations of the grid that are another one's run again.
        products: the grid and what is beside it, for an export.
    """

    jobs: tuple[Job, ...]
    settings: dict[str, Any]
    launcher: Launcher = field(repr=False)
    num_alike: int = 0
    products: tuple[Axes, ...] = field(default=(), repr=False)

    @property
    def study(self) -> str:
        """The study of the first job."""
        return self.jobs[0].study

    def execute(self, execute: Execute, observer: Observer) -> list[Outcome]:
        """Freezes the config of every job that is to be done, and executes them.

        Args:
            execute: does one job; what it raises is that job's outcome.
            observer: is told as jobs start and end.

        Returns:
            One outcome a job; after Ctrl-C those not ended are `interrupted`.

        Raises:
            RecordError: outputs cannot be written, or not be locked.
            ConfigErrors: jobs that the launcher can never execute.
        """
        statuses = survey(self.jobs)
        todo, kept, left = self.divided(statuses)
        # Complete runs are looked at here: for these alone no cluster is asked for.
        at_once = self.launcher.prepare(todo) if todo else 1
        require_locks(self.jobs[0].folder.parent)
        observer.begin(statuses, at_once)
        for job in todo:
            freeze_idle(job)
        outcomes: list[Outcome] = []

        def ended(outcome: Outcome) -> None:
            outcomes.append(outcome)
            observer.ended(outcome)

        def told(outcome: Outcome) -> None:
            for each in kept.judged(outcome):
                ended(each)

        for outcome in left:
            ended(outcome)
        with suppress(KeyboardInterrupt):  # told by the jobs without an outcome
            feed, checks = Listed(todo), kept.checks()
            for job in checks:
                free(job)
            stopped = self.launcher.launch(feed, execute, told, observer, checks=checks)
            if kept.outdated and not stopped:
                self.launcher.prepare(kept.outdated)
                for job in kept.outdated:
                    freeze_idle(job)
                self.launcher.launch(Listed(kept.outdated), execute, ended, observer)
        for outcome in kept.unjudged():
            ended(outcome)
        return outcomes + unfinished(self.jobs, outcomes)

    def divided(self, statuses: Sequence[RunStatus]) -> tuple[list[Job], Kept, list[Outcome]]:
        """The jobs to be done, those that are complete, and the end of those not to be retried.

        Args:
            statuses: one a job, as `survey` gives them.
        """
        todo: list[Job] = []
        kept = Kept(rerun=self.settings["rerun"] == "stale")
        left: list[Outcome] = []
        for job, status in zip(self.jobs, statuses, strict=True):
            is_complete = status.state == "completed" and not status.held
            if is_complete and not job.config["force"]:
                if not kept.add(job, status):
                    todo.append(forced(job))
            elif status.state == "failed" and not self.settings["retry_failed"]:
                left.append(Outcome(job.run_id, "failed", status.reason, already=True))
            else:
                todo.append(job)
        return todo, kept, left


def no_plan() -> ConfigError:
    """What a sweeper is refused with that makes no plan."""
    return ConfigError("hydra/sweeper", expected="grid or optuna", got="one without a plan")
