"""`seqbench sweep export=wandb`: a study for other programs to run; nothing is run here."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqbench.config.engine import parse_flags
from seqbench.config.job import Job
from seqbench.sweeps.plan import Plan
from seqbench.sweeps.wandb_export import Definition, of_grid, write_definitions
from seqbench.training.wandb_settings import WandbSettings, wandb_settings

if TYPE_CHECKING:  # it would bring Optuna along
    from seqbench.sweeps.tuning.tuning import Tuning


def export(plan: Plan | Tuning, argv: Sequence[str]) -> int:
    """Write the study's W&B sweep definitions, and say what to do with them."""
    if isinstance(plan, Plan):
        job = plan.jobs[0]
        definitions = of_grid(plan.products, job.config["logger"])
    else:
        job = plan.corners[0]
        definitions = [_search(plan)]
    paths = _write(job, definitions, argv)
    for path, definition in zip(paths, definitions, strict=True):
        runs = definition.num_runs
        print(f"{path}: {definition.method}, {runs} run{'s' * (runs != 1)}")
    for path in paths:
        print(f"wandb sweep {shlex.quote(str(path))}")
    print("wandb agent SWEEP, with what `wandb sweep` has printed, here or on any other machine")
    return 0


def _search(tuning: Tuning) -> Definition:
    from seqbench.sweeps.tuning.wandb_space import of_search

    sampler, pruner = tuning.names
    if pruner is not None:
        print(f"W&B's agent does not prune: {pruner} is left out", file=sys.stderr)
    return of_search(
        tuning.space,
        objectives=tuning.objectives,
        sampler=sampler,
        n_trials=tuning.tuning.n_trials,
        logger=tuning.corners[0].config["logger"],
    )


def _write(job: Job, definitions: Sequence[Definition], argv: Sequence[str]) -> list[Path]:
    settings = wandb_settings(job.config) or WandbSettings()
    folder = parse_flags(argv).config_dir
    return write_definitions(
        definitions,
        job.folder.parent,
        project=settings.project_name,
        entity=settings.entity_name,
        flags=["--config-dir", str(Path(folder).absolute())] if folder else [],
    )
