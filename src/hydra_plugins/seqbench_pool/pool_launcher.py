"""`hydra/launcher=pool`: jobs side by side on this machine, each in a process of its own.

Hydra imports every plugin at every start, so this face imports its logic only when it sweeps.
"""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class PoolLauncherConf:
    """`hydra.launcher`: how many jobs run at once, and where."""

    _target_: str = "hydra_plugins.seqbench_pool.pool_launcher.PoolLauncher"
    # Not typed: the pool says what is wrong with a value.
    slots: Any = None  # jobs on the CPU at once; null: cores ÷ trainer.threads
    gpus: Any = None  # names as for CUDA_VISIBLE_DEVICES: [0,1]; null: all there are
    slots_per_gpu: Any = 1  # jobs on one GPU at once


ConfigStore.instance().store(
    group="hydra/launcher", name="pool", node=PoolLauncherConf, provider="seqbench"
)


class PoolLauncher(Launcher):
    """Holds the pool that a sweep's plan is executed by.

    Args:
        slots: jobs on the CPU at once; None for as many as the cores allow.
        gpus: GPUs to use; None for all there are.
        slots_per_gpu: jobs on one GPU at once.
    """

    def __init__(self, *, slots: Any, gpus: Any, slots_per_gpu: Any) -> None:
        self.settings = {"slots": slots, "gpus": gpus, "slots_per_gpu": slots_per_gpu}

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Begins to import what jobs need, while they are being composed.

        Raises:
            ConfigErrors: settings that make no sense.
        """
        from seqbench.sweeps.pool import Pool

        self.ours = Pool.of(**self.settings)
        if not (config.dry_run or config.watch or config.export):
            self.ours.warm()

    def close(self) -> None:
        """Ends the pool's processes."""
        self.ours.close()

    def launch(self, job_overrides: Any, initial_job_idx: int) -> Any:
        """Not how a pool is used.

        Raises:
            ConfigError: the sweeper is one without a plan.
        """
        from seqbench.sweeps.plan import no_plan

        raise no_plan()
