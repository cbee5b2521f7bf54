"""What W&B shows of a completed run: summary at the best epoch, confusion matrix, examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from seqbench.records.predictions import Predictions
from seqbench.records.record import RunRecord
from seqbench.training.wandb_mirror import WandbMirror

NUM_EXAMPLES = 100
MAX_CHARACTERS = 500


def mirror_outcome(
    mirror: WandbMirror, record: RunRecord, texts: Sequence[str], predictions: Predictions
) -> None:
    """Write the record's scores and cost, its confusion matrix, and example predictions.

    Args:
        mirror: the open W&B run.
        record: of the completed run.
        texts: the test split's raw texts, by row.
        predictions: of the test split.
    """
    scores = record.scores
    summary = {f"test/{name}": value for name, value in scores.test.items()}
    summary |= {f"best/validation/{name}": value for name, value in scores.validation.items()}
    summary |= {f"cost/{name}": value for name, value in asdict(record.cost).items()}
    mirror.summary({**summary, "best/epoch": scores.best_epoch})
    if scores.confusion is None:
        return
    labels = scores.confusion.labels
    counts = [
        [true, predicted, count]
        for true, row in zip(labels, scores.confusion.counts, strict=True)
        for predicted, count in zip(labels, row, strict=True)
    ]
    mirror.table("test/confusion", ["true", "predicted", "count"], counts)
    mirror.table(
        "test/examples",
        ["text", "true", "predicted", "confidence"],
        [
            [
                texts[int(predictions.rows[n])][:MAX_CHARACTERS],
                labels[int(predictions.targets[n])],
                labels[int(predictions.predictions[n])],
                float(predictions.confidences[n]),
            ]
            for n in _spread(len(predictions.rows))
        ],
    )


def _spread(num_examples: int) -> range:
    """Rows at equal distances through the whole split: the same ones for every run."""
    return range(0, num_examples, max(1, -(-num_examples // NUM_EXAMPLES)))
