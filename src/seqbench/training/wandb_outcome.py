"""What W&B shows of a run that came through: its best epoch, and what its task kind adds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from seqbench.data.datamodule import SeqDataModule
from seqbench.records.record import COMPLETED, RunRecord
from seqbench.training.kinds import KINDS
from seqbench.training.wandb_mirror import WandbMirror


def mirror_outcome(
    mirror: WandbMirror, record: RunRecord, datamodule: SeqDataModule, found: Any
) -> None:
    """Write the record's scores and cost, and the tables of its task kind.

    Args:
        mirror: the open W&B run.
        record: of the run, completed or pruned.
        datamodule: its data.
        found: what the model said of the test split; None of a pruned run.
    """
    scores = record.scores
    summary = {f"test/{name}": value for name, value in scores.test.items()}
    summary |= {f"best/validation/{name}": value for name, value in scores.validation.items()}
    summary |= {f"cost/{name}": value for name, value in asdict(record.cost).items()}
    mirror.summary({**summary, "best/epoch": scores.best_epoch, "status": record.status})
    if record.status == COMPLETED:
        KINDS[datamodule.task].mirror(mirror, record, datamodule, found)
