"""`hydra/launcher=slurm`: each run a job of a Slurm cluster's.

Hydra imports every plugin at every start, so this face imports its logic only when it sweeps.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class SlurmLauncherConf:
    """`hydra.launcher`: what a job asks for; what is null is the cluster's to say."""

    _target_: str = "hydra_plugins.seqbench_slurm.slurm_launcher.SlurmLauncher"
    # Not typed: the launcher says what is wrong with a value.
    at_once: Any = 100  # jobs in Slurm's queue at most
    partition: Any = None
    account: Any = None
    timeout_min: Any = 60  # then a run saves its checkpoint and queues again
    cpus: Any = None  # null: trainer.threads times trainer.devices, and data workers
    gpus: Any = None  # "a100:1"; null: trainer.devices with trainer.accelerator=cuda, else none
    mem_gb: Any = None
    warning_seconds: Any = 90  # before a job's time is up, for its checkpoint
    poll_seconds: Any = 10.0  # between two looks at the queue
    setup: Any = field(default_factory=list)  # lines of shell on the node: [module load cuda]
    extra: Any = field(default_factory=dict)  # further options of sbatch: {qos: long}


ConfigStore.instance().store(
    group="hydra/launcher", name="slurm", node=SlurmLauncherConf, provider="seqbench"
)


class SlurmLauncher(Launcher):
    """Holds what a sweep's plan is executed by; its arguments are `seqbench.sweeps.slurm.Slurm`'s.

    Args:
        at_once: jobs in Slurm's queue at most.
        partition: where they run.
        account: whom they are charged to.
        timeout_min: minutes a job.
        cpus: cores a job.
        gpus: GPUs a job.
        mem_gb: memory a job.
        warning_seconds: for a checkpoint, before a job's time is up.
        poll_seconds: between two looks at the queue.
        setup: lines of shell on the node.
        extra: further options of sbatch.
    """

    def __init__(
        self,
        *,
        at_once: Any,
        partition: Any,
        account: Any,
        timeout_min: Any,
        cpus: Any,
        gpus: Any,
        mem_gb: Any,
        warning_seconds: Any,
        poll_seconds: Any,
        setup: Any,
        extra: Any,
    ) -> None:
        self.settings = {
            "at_once": at_once,
            "partition": partition,
            "account": account,
            "timeout_min": timeout_min,
            "cpus": cpus,
            "gpus": gpus,
            "mem_gb": mem_gb,
            "warning_seconds": warning_seconds,
            "poll_seconds": poll_seconds,
            "setup": setup,
            "extra": extra,
        }

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Makes the launcher.

        Raises:
            ConfigErrors: settings that make no sense.
        """
        from seqbench.sweeps.launcher_settings import plain
        from seqbench.sweeps.slurm import Slurm

        self.ours = Slurm.of(**plain(self.settings))

    def launch(self, job_overrides: Any, initial_job_idx: int) -> Any:
        """Not how it is used.

        Raises:
            ConfigError: the sweeper is one without a plan.
        """
        from seqbench.sweeps.plan import no_plan

        raise no_plan()
