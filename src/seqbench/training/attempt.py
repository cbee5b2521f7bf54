"""One try of a run: what it is given, whether it begins or goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqbench.data.datamodule import SeqDataModule
from seqbench.records.folder import RunFolder
from seqbench.training.interrupts import Interrupts
from seqbench.training.resume import MadeOf, ResumePoint
from seqbench.training.trainer import TrainerSettings
from seqbench.training.wandb_mirror import WandbMirror


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What a network or a baseline is fitted with.

    Attributes:
        config: the resolved config.
        folder: the run folder.
        settings: the trainer's settings, applied.
        datamodule: set up.
        mirror: the open W&B run, on the main process.
        interrupts: the run's signals.
        made_of: what its checkpoints say that they are made of.
        point: where to go on; None begins.
        started: `time.perf_counter()` when it started.
    """

    config: Mapping[str, Any]
    folder: RunFolder
    settings: TrainerSettings
    datamodule: SeqDataModule
    mirror: WandbMirror | None
    interrupts: Interrupts
    made_of: MadeOf
    point: ResumePoint | None
    started: float
