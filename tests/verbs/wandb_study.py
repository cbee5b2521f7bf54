"""A small study with W&B files, for tests of what is published of one."""

from __future__ import annotations

from pathlib import Path

from seqbench.config.compose import compose_job
from seqbench.training.execute import execute


def make_wandb_study(tiny: list[str], outputs: Path) -> Path:
    """Trains a GRU and an LSTM mirrored offline, and an LSTM that is not; the study's folder."""
    shared = [*tiny, f"paths.outputs={outputs}", "study=things", "question='Which is better?'"]
    for own in (
        ["model=gru", "logger=offline"],
        ["model=lstm", "logger=offline"],
        ["model=lstm", "seed=1"],
    ):
        assert execute(compose_job([*shared, *own])).record.status == "completed"
    return outputs / "things"
