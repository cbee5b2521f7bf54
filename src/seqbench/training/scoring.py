"""A split's predictions into the scores of a record: one way for networks and baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seqbench.records.predictions import Predictions
from seqbench.records.record import Primary, Scores
from seqbench.scores import classification_scores
from seqbench.tasks.task import MetricSpec


def scores_of(
    predictions: Predictions,
    label_names: Sequence[str],
    *,
    primary: MetricSpec,
    validation: Mapping[str, float | None],
    best_epoch: int | None,
) -> Scores:
    """The record's scores: the test split's from its predictions, the validation's as given."""
    found = classification_scores(
        targets=predictions.targets,
        probabilities=predictions.probabilities,
        lengths=predictions.lengths,
        label_names=label_names,
    )
    return Scores(
        primary=Primary(name=primary.name, higher_is_better=primary.higher_is_better),
        best_epoch=best_epoch,
        validation=dict(validation),
        test=found.scores,
        per_class=found.per_class,
        per_length=found.per_length,
        confusion=found.confusion,
    )
