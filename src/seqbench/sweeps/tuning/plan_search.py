"""A search read from the command line and checked, before anything of it is on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqbench.config.engine import Groups
from seqbench.errors import ConfigError, ConfigErrors
from seqbench.sweeps.composer import Composer
from seqbench.sweeps.execute import Launcher
from seqbench.sweeps.tuning.objectives import Objective, objectives_of
from seqbench.sweeps.tuning.settings import TuningSettings, name_of
from seqbench.sweeps.tuning.space import read_space
from seqbench.sweeps.tuning.tuning import Tuning


def plan_search(
    arguments: Sequence[str],
    node: Mapping[str, Any],
    *,
    composer: Composer,
    groups: Groups,
    settings: dict[str, Any],
    launcher: Launcher,
    ticks: bool,
) -> Tuning:
    """Reads and checks a search before anything of it is on disk.

    Args:
        arguments: the command line's overrides.
        node: `hydra.sweeper`, resolved.
        composer: makes jobs.
        groups: what there is to choose from.
        settings: the keys that only `sweep` has.
        launcher: how they are executed.
        ticks: whether it lets the search look after running trials, and knows how many run at once.

    Raises:
        ConfigErrors: every mistake there is.
    """
    tuning = TuningSettings.of(node)
    space = read_space(arguments, tuning.params, groups)
    corners = composer.jobs(space.corners())
    try:
        tuning.build_sampler(tuning.seed), tuning.build_pruner()
        objectives = objectives_of(tuning, corners[0].config)
        _refuse_pruning(tuning, objectives, ticks=ticks)
    except ConfigError as error:
        raise ConfigErrors([error]) from error
    return Tuning(
        tuning=tuning,
        settings=settings,
        space=space,
        objectives=objectives,
        corners=corners,
        composer=composer,
        launcher=launcher,
        ticks=ticks,
    )


def _refuse_pruning(
    tuning: TuningSettings, objectives: Sequence[Objective], *, ticks: bool
) -> None:
    why = ""
    if len(objectives) > 1:
        why = "several objectives, by which no running trial is worse than another"
    elif not objectives[0].is_validated:
        why = f"the objective {objectives[0].name}, of which running trials tell nothing"
    elif not ticks:
        why = "a launcher that tells nothing while it runs; hydra/launcher=pool does"
    if tuning.pruner is not None and why:
        raise ConfigError(
            "hydra/sweeper/pruner", expected=f"none with {why}", got=str(name_of(tuning.pruner))
        )
