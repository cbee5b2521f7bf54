"""`seqbench sweep export=wandb`: a study for other programs to run; nothing is run here."""

from __future__ import annotations

import shlex
import shutil
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
    said = "with what `wandb sweep` has printed"
    print(f"wandb agent SWEEP, {said}, in this folder, on any machine that has it")
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
    flags = ["--config-dir", str(Path(folder).absolute())] if folder else []
    return write_definitions(
        definitions,
        job.folder.parent,
        project=settings.project_name,
        entity=settings.entity_name,
        words=[*_program(), "train", *flags],
    )


def _program() -> list[str]:
    """How others start this program: by its name, if that is found, else by this very Python."""
    name = "seqbench"
    return [name] if shutil.which(name) else [sys.executable, "-m", "seqbench.cli"]
