"""What a run that came through has to say."""

from __future__ import annotations

from dataclasses import dataclass

from seqbench.records.predictions import Predictions
from seqbench.records.record import Cost, Scores


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a network's or a baseline's run.

    Attributes:
        cost: what it cost.
        scores: how well it did.
        predictions: of the test split.
        device: what it was trained on, e.g. "cpu".
    """

    cost: Cost
    scores: Scores
    predictions: Predictions
    device: str
