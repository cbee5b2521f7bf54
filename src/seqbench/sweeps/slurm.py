"""`hydra/launcher=slurm`: each run a job of a Slurm cluster's, over submitit."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqbench.config.job import Job, is_baseline
from seqbench.errors import ConfigError, ConfigErrors, TrainingError
from seqbench.records.claim import Held, claimed
from seqbench.sweeps.dispatch import Dispatch, look_at
from seqbench.sweeps.execute import Execute, Feed, Observer, Outcome
from seqbench.sweeps.launcher_settings import Kind, refuse_settings
from seqbench.sweeps.pool import reference
from seqbench.sweeps.slurm_commands import missing, refusal, silent, unheard
from seqbench.sweeps.slurm_options import arguments, number_of_gpus, refused_options, too_short
from seqbench.sweeps.slurm_queue import LOCK, SlurmQueue
from seqbench.sweeps.stopping import stop_signals


@dataclass(kw_only=True)
class Slurm:
    """Hands runs to a Slurm cluster, and waits for them.

    Nodes need the same file system and the same Python environment as this machine. A job that
    Slurm preempts, or whose time is up, is queued again and goes on from its checkpoint. Defaults
    for sbatch in the environment (SBATCH_PARTITION) are not heard: only what is said here is.

    Args:
        at_once: jobs that this sweep has in Slurm's queue at most.
        partition: where they run; None for the cluster's default.
        account: whom they are charged to; None for the user's default.
        timeout_min: minutes that a job may run before it has to queue again.
        cpus: CPU cores a job; None for `trainer.threads` times `trainer.devices`, and one more for
            each process that loads data.
        gpus: GPUs a job, as sbatch's --gpus-per-node takes them ("2", "a100:1"); None for
            `trainer.devices` where `trainer.accelerator` is cuda and the run is no baseline, else
            none.
        mem_gb: memory a job, in GB; None for the cluster's default.
        warning_seconds: before its time is up, a run is told to save its checkpoint.
        poll_seconds: between two looks at the queue.
        setup: lines of shell that prepare a node: modules to load, variables to set.
        extra: further options of sbatch: `{qos: long, constraint: a100}`.
    """

    at_once: int
    partition: str | None
    account: str | None
    timeout_min: int
    cpus: int | None
    gpus: str | int | None
    mem_gb: float | None
    warning_seconds: int
    poll_seconds: float
    setup: Sequence[str] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, **settings: Any) -> Slurm:
        """The launcher of `hydra.launcher`'s settings.

        Raises:
            ConfigErrors: those that make no sense.
        """
        kinds = {
            "at_once": Kind.COUNT, "timeout_min": Kind.COUNT, "warning_seconds": Kind.COUNT,
            "poll_seconds": Kind.POSITIVE, "partition": Kind.TEXT.or_none(),
            "account": Kind.TEXT.or_none(), "cpus": Kind.COUNT.or_none(),
            "gpus": Kind.TEXT_OR_COUNT.or_none(), "mem_gb": Kind.POSITIVE.or_none(),
            "setup": Kind.TEXTS, "extra": Kind.OPTIONS,
        }  # fmt: skip
        refuse_settings(settings, kinds)
        launcher = cls(**settings)
        errors = [
            *refused_options(settings),
            *too_short(launcher.timeout_min, launcher.warning_seconds),
        ]
        if errors:
            raise ConfigErrors(errors)
        return launcher

    def prepare(self, jobs: Sequence[Job]) -> int:
        """Asks Slurm whether it would take such jobs.

        Returns:
            How many it will have at most.

        Raises:
            ConfigError: submitit or Slurm's commands are missing.
            TrainingError: its controller does not answer.
            ConfigErrors: jobs that have less than they need, or that Slurm would never take.
        """
        if find_spec("submitit") is None:
            raise ConfigError(
                "hydra/launcher=slurm",
                expected="submitit",
                got="none installed",
                remedy="pip install 'seqbench[slurm]'",
            )
        absent = missing()
        if absent:
            raise ConfigError(
                "hydra/launcher=slurm",
                expected="Slurm's commands on this machine",
                got=f"no {', '.join(absent)}",
                remedy="start the sweep on a login node; hydra/launcher=pool runs it here",
            )
        silence = silent()
        if silence is not None:
            raise TrainingError(
                "hydra/launcher=slurm",
                expected="a Slurm controller that answers",
                got=silence,
                remedy="scontrol ping says whether it is up",
            )
        errors = {error.line(): error for job in jobs for error in self._shortages(job)}
        if errors:
            raise ConfigErrors(list(errors.values()))
        asked = {tuple(sorted(self._flags(job).items())) for job in jobs}
        refused = [error for options in asked if (error := _refused(dict(options))) is not None]
        if refused:
            raise ConfigErrors(refused)
        return max(1, min(self.at_once, len(jobs)))

    def launch(
        self,
        feed: Feed,
        execute: Execute,
        ended: Callable[[Outcome], None],
        observer: Observer,
        checks: Sequence[Job] = (),
    ) -> bool:
        """Has Slurm run the feed's jobs; the checks are done here.

        Jobs that an earlier sweep has left in the queue are found and not submitted again. Told to
        stop it cancels jobs, and returns once those that ran have saved their checkpoints; when
        the terminal is closed they stay queued.

        Returns:
            Whether it was told to stop.

        Raises:
            TrainingError: Slurm goes on taking no job.
        """
        with stop_signals() as stops, ExitStack() as stack:
            queue = SlurmQueue(
                call=reference(execute),
                flags=self._flags,
                setup=self.setup,
                python=f"{shlex.quote(sys.executable)} -P",
                poll_seconds=self.poll_seconds,
                claim=lambda folder: _claims(stack, folder),
                observer=observer,
            )
            Dispatch(queue, self.at_once, ended, observer).work(feed, stops)
        return bool(stops) or look_at(checks, execute, ended, observer)

    def _flags(self, job: Job) -> dict[str, Any]:
        """sbatch's options for a job, but for its name and files."""
        trainer, data = job.config["trainer"], job.config["data"]
        devices = trainer["devices"]
        cpus = self.cpus
        if cpus is None:
            cpus = devices * (trainer["threads"] + int(data.get("num_workers") or 0))
        gpus = self.gpus
        if gpus is None and trainer["accelerator"] == "cuda" and not is_baseline(job.config):
            gpus = devices
        memory = None if self.mem_gb is None else f"{math.ceil(self.mem_gb * 1024)}M"
        flags = {
            "time": self.timeout_min,
            "signal": f"USR1@{self.warning_seconds}",  # Interrupts.SIGNALS has it
            "requeue": True,
            "nodes": 1,
            "ntasks": 1,
            "cpus-per-task": cpus,
            "gpus-per-node": gpus,
            "mem": memory,
            "partition": self.partition,
            "account": self.account,
            **{str(name).replace("_", "-"): value for name, value in self.extra.items()},
        }
        # 0 is a value: `nice=0`.
        return {name: v for name, v in flags.items() if v is not None and v is not False}

    def _shortages(self, job: Job) -> list[ConfigError]:
        """What settings give a run less of than its devices need."""
        trainer = job.config["trainer"]
        needed = trainer["threads"] * trainer["devices"]
        errors = []
        if self.cpus is not None and self.cpus < needed:
            expected = f"at least trainer.threads times trainer.devices, {needed}"
            errors.append(ConfigError("hydra.launcher.cpus", expected=expected, got=str(self.cpus)))
        on_gpus = trainer["accelerator"] != "cpu" and not is_baseline(job.config)
        if self.gpus is not None and on_gpus and number_of_gpus(self.gpus) < trainer["devices"]:
            expected = f"at least trainer.devices, {trainer['devices']}"
            errors.append(ConfigError("hydra.launcher.gpus", expected=expected, got=str(self.gpus)))
        return errors


def _refused(flags: Mapping[str, Any]) -> ConfigError | None:
    """The error of options that Slurm would never take."""
    said = refusal(arguments(flags))
    if said is None:
        return None
    silenced = [name for name in unheard() if name.startswith("SBATCH_")]
    return ConfigError(
        "hydra.launcher",
        expected="options that this cluster takes",
        got=f"{shlex.join(arguments(flags))}: {said}",
        remedy=f"{', '.join(silenced)} is not heard here" if silenced else "",
    )


def _claims(stack: ExitStack, folder: Path) -> bool:
    """Whether no other sweep on this study lives; then none begins while this one does."""
    try:
        stack.enter_context(claimed(folder / LOCK))
    except Held:
        return False
    return True
