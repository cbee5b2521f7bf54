"""Texts of a model's own for the record of a run, which has its scores already."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from seqbench.baselines.baseline import Fitted
from seqbench.data.datamodule import SeqDataModule
from seqbench.tasks.task import Task
from seqbench.training.kinds.kind import TaskKind
from seqbench.training.untouched import tried


def own_texts(
    kind: TaskKind[Any],
    model: Task | Fitted,
    datamodule: SeqDataModule,
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """What `kind.samples` gives; nothing but a warning where that fails."""
    drawn = tried(
        lambda: kind.samples(model, datamodule, config),
        otherwise="no texts could be drawn, the run is complete without them",
        level=logging.WARNING,
    )
    return drawn or {}
