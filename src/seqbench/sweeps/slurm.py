"""`hydra/launcher=slurm`: each run a job of a Slurm cluster's, over submitit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqbench.config.job import Job
from seqbench.errors import ConfigError, ConfigErrors, TrainingError
from seqbench.records.claim import Held, claimed
from seqbench.sweeps.dispatch import Dispatch, look_at
from seqbench.sweeps.execute import Execute, Feed, Observer, Outcome
from seqbench.sweeps.launcher_settings import Kind, refuse_settings
from seqbench.sweeps.pool import reference
from seqbench.sweeps.slurm_commands import missing, refusal, silent
from seqbench.sweeps.slurm_queue import LOCK, SlurmQueue
from seqbench.sweeps.stopping import stop_signals

# sbatch's options that a run depends on, and why another value would not do.
_OURS = {
    "job-name": "names the run that the job is",
    "nodes": "is one: a run trains on the devices of one node (trainer.devices)",
    "ntasks": "is one, which starts the run's processes itself",
    "ntasks-per-node": "is one, which starts the run's processes itself",
    "array": "is not used: each run is a job of its own",
    "signal": "is what warning_seconds says",
    "requeue": "is always on",
    "no-requeue": "is never on",
    "output": "is in the study's folder",
    "error": "is in the study's folder",
    "open-mode": "is append",
    "chdir": "is the sweep's own working folder",
    "time": "is what timeout_min says",
    "cpus-per-task": "is what cpus says",
    "gpus-per-node": "is what gpus says",
    "mem": "is what mem_gb says",
    "partition": "is what partition says",
    "account": "is what account says",
}


@dataclass(kw_only=True)
class Slurm:
    """Hands runs to a Slurm cluster, and waits for them.

    Nodes need the same file system and the same Python environment as this machine. A job that
    Slurm preempts, or whose time is up, is queued again and goes on from its checkpoint.

    Args:
        at_once: jobs that this sweep has in Slurm's queue at most.
        partition: where they run; None for the cluster's default.
        account: whom they are charged to; None for the user's default.
        timeout_min: minutes that a job may run before it has to queue again.
        cpus: CPU cores a job; None for `trainer.threads` times `trainer.devices`, and one more for
            each process that loads data.
        gpus: GPUs a job, as sbatch's --gpus-per-node takes them ("2", "a100:1"); None for
            `trainer.devices` where `trainer.accelerator` is cuda, else none.
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
        taken = [str(name).replace("_", "-") for name in settings["extra"]]
        errors = [
            ConfigError(
                f"hydra.launcher.extra.{name}",
                expected="an option that the launcher does not set itself",
                got=f"--{name}, which {_OURS[name]}",
            )
            for name in taken
            if name in _OURS
        ]
        if errors:
            raise ConfigErrors(errors)
        return cls(**settings)

    def prepare(self, jobs: Sequence[Job]) -> int:
        """Asks Slurm whether it would take such jobs.

        Returns:
            How many it will have at most.

        Raises:
            ConfigError: submitit or Slurm's commands are missing.
            TrainingError: its controller does not answer.
            ConfigErrors: Slurm would take none of these jobs, whatever else it has to do.
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
        errors = []
        for options in {tuple(sorted(self._flags(job).items())) for job in jobs}:
            refused = refusal(_arguments(dict(options)))
            if refused is not None:
                errors.append(
                    ConfigError(
                        "hydra.launcher",
                        expected="options that this cluster takes",
                        got=f"{shlex.join(_arguments(dict(options)))}: {refused}",
                    )
                )
        if errors:
            raise ConfigErrors(errors)
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
                warning_seconds=self.warning_seconds,
                poll_seconds=self.poll_seconds,
                claim=lambda folder: _claims(stack, folder),
                observer=observer,
            )
            Dispatch(queue, self.at_once, ended, observer).work(feed, stops)
        return bool(stops) or look_at(checks, execute, ended, observer)

    def _flags(self, job: Job) -> dict[str, Any]:
        """sbatch's options for a job, but for those that are the same in every sweep."""
        trainer, data = job.config["trainer"], job.config["data"]
        devices = trainer["devices"]
        cpus = self.cpus
        if cpus is None:
            cpus = devices * (trainer["threads"] + int(data.get("num_workers") or 0))
        gpus = self.gpus
        if gpus is None and trainer["accelerator"] == "cuda":
            gpus = devices
        memory = None if self.mem_gb is None else f"{round(self.mem_gb * 1024)}M"
        flags = {
            "time": self.timeout_min,
            "nodes": 1,
            "ntasks": 1,
            "cpus-per-task": cpus,
            "gpus-per-node": gpus or None,
            "mem": memory,
            "partition": self.partition,
            "account": self.account,
            **{str(name).replace("_", "-"): value for name, value in self.extra.items()},
        }
        return {name: value for name, value in flags.items() if value not in (None, False)}


def _arguments(flags: Mapping[str, Any]) -> list[str]:
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in flags.items()]


def _claims(stack: ExitStack, folder: Path) -> bool:
    """Whether no other sweep on this study lives; then none begins while this one does."""
    try:
        stack.enter_context(claimed(folder / LOCK))
    except Held:
        return False
    return True
