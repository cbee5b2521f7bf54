"""A restored run scored on a split of its data, or on a file."""

from __future__ import annotations

from seqbench.training.kinds import KINDS
from seqbench.training.kinds.kind import Evaluated
from seqbench.training.restore import RestoredRun


def score_split(run: RestoredRun, split: str) -> Evaluated:
    """The scores on the "train", "validation" or "test" split of the run's data.

    Raises:
        DataError: the data is missing or unreadable.
    """
    return KINDS[run.datamodule.task].score_split(run, split)


def score_file(
    run: RestoredRun, path: str, *, text_column: str | None, label_column: str | None
) -> Evaluated:
    """The scores on a file: of texts with the run's classes as labels, or of plain text.

    Args:
        run: the restored run.
        path: the file.
        text_column: its column of texts; None takes the run's own, or "text".
        label_column: its column of labels; None takes the run's own, or "label".

    Raises:
        DataError: the file cannot be used, or has a label that the run does not know.
    """
    return KINDS[run.datamodule.task].score_file(
        run, path, text_column=text_column, label_column=label_column
    )
