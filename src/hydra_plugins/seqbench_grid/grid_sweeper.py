"""`hydra/sweeper=grid`: every combination of the values given, each run composed once.

Hydra imports every plugin at every start, so this face imports its logic only when it sweeps; and
it does so outside `sys.modules`, where dataclasses cannot look up annotations kept as text.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class GridSweeperConf:
    """`hydra.sweeper`: what an experiment sweeps."""

    _target_: str = "hydra_plugins.seqbench_grid.grid_sweeper.GridSweeper"
    params: dict[str, Any] = field(default_factory=dict)
    also: list[str] = field(default_factory=list)


ConfigStore.instance().store(
    group="hydra/sweeper", name="grid", node=GridSweeperConf, provider="seqbench"
)


class GridSweeper(Sweeper):
    """Hands the runs of a grid to the command that sweeps.

    Args:
        params: swept keys of the experiment: `{"model": "lstm,gru", "seed": "range(0,5)"}`.
        also: further runs beside the grid, as override lists: `["model=baseline/majority"]`.
    """

    def __init__(self, *, params: dict[str, Any], also: list[str]) -> None:
        self.params = params
        self.also = also

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keeps Hydra's parts and makes the launcher."""
        self.task_function = task_function
        self.composed = config
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Expands the grid and gives the plan to the task function.

        Raises:
            TypeError: the program is not seqbench.
        """
        from seqbench.sweeps.command import SweepTask
        from seqbench.sweeps.grid import products

        if not isinstance(self.task_function, SweepTask):
            raise TypeError("hydra/sweeper=grid belongs to `seqbench sweep`")
        groups = self.task_function.groups
        try:
            swept = products(arguments, dict(self.params), list(self.also), groups)
            return self.task_function.plan(swept, self.composed, self.launcher)
        finally:
            close = getattr(self.launcher, "close", None)
            if close is not None:  # a launcher of ours, which may have begun to warm up
                close()
