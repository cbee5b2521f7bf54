"""What a run that came through has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seqbench.records.record import Cost, Scores


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a network's or a baseline's run.

    Attributes:
        cost: what it cost.
        scores: how well it did.
        found: what the model said of the test split, as its task kind stores it; None of a run
            that was pruned, and not tested.
        device: what it was trained on, e.g. "cpu".
        weights: hash of the weights that were kept; None for a baseline or a pruned run.
        pruned: whether a search gave it up.
        budget_share: how much is used of a budget of compute or time, 1 or more where it ended the
            training; None where there was none.
    """

    cost: Cost
    scores: Scores
    found: Any
    device: str
    weights: str | None = None
    pruned: bool = False
    budget_share: float | None = None
