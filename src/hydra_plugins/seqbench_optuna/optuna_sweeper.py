"""`hydra/sweeper=optuna`: a search over hyperparameters; its options stand in conf/hydra/sweeper.

Hydra imports every plugin at every start, so this face imports its logic only when it sweeps.
"""

from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """Hands a search to the command that sweeps; see `sweeps.tuning.settings.TuningSettings`.

    Args:
        sampler: what draws the next trial.
        pruner: what gives up trials early; None for nothing.
        params: the hyperparameters, by key, in Hydra's sweep syntax.
        n_trials: trials that the study is to have in the end.
        objective: what is to be best; None for the primary metric on the validation split.
        directions: of each objective; None where they are known.
        storage: URL of the database; None for SQLite in the study's folder.
        seed: of the sampler.
        parallel: trials at once at most; None for as many as the launcher runs.
        retrain_best: fresh seeds on which the winner is run again.
    """

    def __init__(
        self,
        *,
        sampler: Any,
        pruner: Any,
        params: Any,
        n_trials: Any,
        objective: Any,
        directions: Any,
        storage: Any,
        seed: Any,
        parallel: Any,
        retrain_best: Any,
    ) -> None:
        # Not typed, and without defaults, which TuningSettings has: it says what is wrong.
        self.settings = {
            "sampler": sampler,
            "pruner": pruner,
            "params": params,
            "n_trials": n_trials,
            "objective": objective,
            "directions": directions,
            "storage": storage,
            "seed": seed,
            "parallel": parallel,
            "retrain_best": retrain_best,
        }

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
        """Gives the search to the task function.

        Raises:
            TypeError: the program is not seqbench.
        """
        from seqbench.sweeps.command import SweepTask

        if not isinstance(self.task_function, SweepTask):
            raise TypeError("hydra/sweeper=optuna belongs to `seqbench sweep`")
        try:
            return self.task_function.search(arguments, self.settings, self.composed, self.launcher)
        finally:
            close = getattr(self.launcher, "close", None)
            if close is not None:  # a launcher of ours, which may have begun to warm up
                close()
