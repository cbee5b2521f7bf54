"""`hydra/launcher=ray`: each run a task of a Ray cluster's, or of this machine's own Ray.

Hydra imports every plugin at every start, so this face imports its logic only when it sweeps.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class RayLauncherConf:
    """`hydra.launcher`: which cluster, and what a run asks of it."""

    _target_: str = "hydra_plugins.seqbench_ray.ray_launcher.RayLauncher"
    # Not typed: the launcher says what is wrong with a value.
    address: Any = None  # of the cluster's head, or auto; null: one on this machine, for this sweep
    at_once: Any = None  # tasks in Ray's queue at most; null: as many as there is room for
    grows: Any = False  # whether machines join by demand: a run may ask for what none has yet
    # Cores a run; null: trainer.threads times trainer.devices, where a machine has that many.
    cpus: Any = None
    gpus_per_run: Any = None  # also a share: 0.25; null: trainer.devices where there are GPUs
    resources: Any = field(default_factory=dict)  # of the cluster's own kinds, a run: {a100: 1}
    extra: Any = field(default_factory=dict)  # further arguments of ray.init


ConfigStore.instance().store(
    group="hydra/launcher", name="ray", node=RayLauncherConf, provider="seqbench"
)


class RayLauncher(Launcher):
    """Holds what a sweep's plan is executed by; its arguments are `seqbench.sweeps.ray.Ray`'s.

    Args:
        address: of the cluster's head; None for a cluster of this sweep's own.
        at_once: tasks in Ray's queue at most.
        grows: whether machines join by demand.
        cpus: cores a run.
        gpus_per_run: GPUs a run, or a share of one.
        resources: of the cluster's own kinds, a run.
        extra: further arguments of `ray.init`.
    """

    def __init__(
        self,
        *,
        address: Any,
        at_once: Any,
        grows: Any,
        cpus: Any,
        gpus_per_run: Any,
        resources: Any,
        extra: Any,
    ) -> None:
        self.settings = {
            "address": address,
            "at_once": at_once,
            "grows": grows,
            "cpus": cpus,
            "gpus_per_run": gpus_per_run,
            "resources": resources,
            "extra": extra,
        }

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Makes the launcher; Ray starts once there is something to run.

        Raises:
            ConfigErrors: settings that make no sense.
        """
        from seqbench.sweeps.launcher_settings import plain
        from seqbench.sweeps.ray import Ray

        self.ours = Ray.of(**plain(self.settings))

    def close(self) -> None:
        """Leaves the cluster."""
        self.ours.close()

    def launch(self, job_overrides: Any, initial_job_idx: int) -> Any:
        """Not how it is used.

        Raises:
            ConfigError: the sweeper is one without a plan.
        """
        from seqbench.sweeps.plan import no_plan

        raise no_plan()
