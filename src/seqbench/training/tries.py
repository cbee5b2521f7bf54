"""The tries of one training: each goes on from a checkpoint, until one comes to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from seqbench.config.job import is_baseline
from seqbench.config.schema import BudgetKeys
from seqbench.data.datamodule import SeqDataModule
from seqbench.errors import Diverged
from seqbench.records.folder import RunFolder
from seqbench.tasks.task import Task
from seqbench.training import distributed
from seqbench.training.assemble import budget_widths, build_task
from seqbench.training.attempt import Attempt
from seqbench.training.explained import explained
from seqbench.training.fit_baseline import fit_baseline
from seqbench.training.fit_network import fit_network
from seqbench.training.interrupts import Interrupts
from seqbench.training.outcome import Outcome
from seqbench.training.random_state import random_state, set_random_state
from seqbench.training.resume import (
    MadeOf,
    ResumePoint,
    UnusableCheckpoint,
    resume_point,
    rewind,
)
from seqbench.training.rollback import roll_back
from seqbench.training.trainer import TrainerSettings
from seqbench.training.training_files import last_checkpoint
from seqbench.training.wandb_mirror import WandbMirror, start_mirror
from seqbench.training.wandb_replay import replay
from seqbench.training.wandb_settings import WandbSettings

log = logging.getLogger(__name__)
_CPU = torch.device("cpu")


@dataclass(kw_only=True)
class Tries:
    """What a run is trained with, and where it stands.

    Attributes:
        config: the resolved config.
        folder: the run folder.
        settings: the trainer's settings, applied.
        datamodule: set up.
        wandb: where it is mirrored; None where it is not, or not by this process.
        interrupts: the run's signals.
        made_of: what its checkpoints say that they are made of.
        started: `time.perf_counter()` when it started.
        point: where the next try goes on; None begins.
        mirror: that of the try under way.
        widths: the model's arguments that its budget solved for.
    """

    config: Mapping[str, Any]
    folder: RunFolder
    settings: TrainerSettings
    datamodule: SeqDataModule
    wandb: WandbSettings | None
    interrupts: Interrupts
    made_of: MadeOf
    started: float
    point: ResumePoint | None = None
    mirror: WandbMirror | None = None
    widths: Mapping[str, int] = field(default_factory=dict)

    def resume(self) -> None:
        """Look for where to go on, and take the folder back to there."""
        self.point = resume_point(self.folder, self.made_of)
        if distributed.is_main():
            rewind(self.folder, self.point)

    def train(self) -> Outcome:
        """Train until a try comes to its end.

        One that diverges goes back, where it is told to; a checkpoint that cannot be taken up is
        given up, and what was drawn since the seed is drawn again.

        Raises:
            TrainingError: as a try does.
        """
        drawn = random_state(_CPU)
        while True:
            # Built first: meanwhile W&B's own process starts.
            task = self._task()
            self.mirror = self._begin_mirror()
            attempt = self._attempt()
            fitting = time.perf_counter()
            try:
                with explained(self.config):
                    return fit_baseline(attempt) if task is None else fit_network(attempt, task)
            except Diverged as error:
                seconds = time.perf_counter() - fitting
                self.started += seconds  # of fitting, not of setting up
                earlier = self.point.seconds if self.point else 0.0
                roll_back(attempt, error, seconds=seconds + earlier)
            except UnusableCheckpoint as error:
                log.warning("%s: it is given up", error.line())
                last_checkpoint(self.folder).unlink()
                set_random_state(drawn, _CPU)
            if self.mirror is not None:
                self.mirror.finish(exit_code=1)
                self.mirror = None
            self.resume()

    def _task(self) -> Task | None:
        config, spec = self.config, self.datamodule.spec
        if is_baseline(config):
            if BudgetKeys.of(config) != BudgetKeys():
                log.info("budget: not for a baseline, which has neither a width nor steps")
            return None
        with explained(config, building=True):
            self.widths = budget_widths(config, spec)
        if self.widths:
            told = " ".join(f"model.{name}={width}" for name, width in self.widths.items())
            log.info("budget: solved for %s", told)
        as_built = {**config, "model": {**config["model"], **self.widths}}
        with explained(as_built, building=True):
            return build_task(config, spec, widths=self.widths)

    def _attempt(self) -> Attempt:
        return Attempt(
            config=self.config,
            folder=self.folder,
            settings=self.settings,
            datamodule=self.datamodule,
            mirror=self.mirror,
            interrupts=self.interrupts,
            made_of=self.made_of,
            point=self.point,
            started=self.started,
        )

    def _begin_mirror(self) -> WandbMirror | None:
        if self.wandb is None:
            return None
        log.info(self.wandb.announcement())
        config = self.config
        mirror = start_mirror(
            self.wandb,
            run_id=config["run_id"],
            study=config["study"],
            task=self.datamodule.spec.task,
            tags=[*config["tags"], config["choices"]["data"], config["choices"]["model"]],
            config=config,
            path=self.folder.path,
        )
        if mirror is not None and self.point is not None:
            replay(mirror, self.folder)
        return mirror
