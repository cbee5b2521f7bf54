"""A restored run scored on a split of its data, or on a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.data.examples import label_ids
from seqbench.data.sources.files import Files, FileSource
from seqbench.scores import ClassificationScores, classification_scores
from seqbench.training.restore import RestoredRun


def score_split(run: RestoredRun, split: str) -> ClassificationScores:
    """The scores on the "train", "validation" or "test" split of the run's data.

    Raises:
        DataError: the data is missing or unreadable.
    """
    data = run.datamodule
    data.setup()
    return classification_scores(
        targets=data.labels(split),
        probabilities=run.probabilities(data.texts(split)),
        lengths=data.lengths(split),
        label_names=run.label_names,
    )


def score_file(
    run: RestoredRun, path: str, *, text_column: str | None, label_column: str | None
) -> ClassificationScores:
    """The scores on a CSV, JSON Lines or Parquet file with the run's classes as labels.

    Args:
        run: the restored run.
        path: the file.
        text_column: its column of texts; None takes the run's own, or "text".
        label_column: its column of labels; None takes the run's own, or "label".

    Raises:
        DataError: the file cannot be used, or has a label that the run does not know.
    """
    own = _file_settings(run)
    source = FileSource(
        files=Files(train=path),
        text_column=text_column or own.get("text_column", "text"),
        label_column=label_column or own.get("label_column", "label"),
        encoding=own.get("encoding", "utf-8"),
        delimiter=own.get("delimiter"),
    )
    texts, labels = source.read(Path(path))
    return classification_scores(
        targets=label_ids(labels, run.label_names),
        probabilities=run.probabilities(texts),
        lengths=_lengths(run, texts),
        label_names=run.label_names,
    )


def _file_settings(run: RestoredRun) -> dict[str, Any]:
    """How the run's own data was read: columns, and of files encoding and delimiter."""
    data: dict[str, Any] = run.config["data"]
    return {**data.get("source", {}), **data}


def _lengths(run: RestoredRun, texts: list[str]) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = run.datamodule.tokenizer.encode_batch(texts)[1]
    return np.asarray(np.minimum(lengths, run.config["data"]["max_len"]))
