"""`predictions.parquet`: one row a test example, so that models can be compared pairwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seqbench.errors import RecordError
from seqbench.records.store import replacing

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("target", pa.int64()),
        ("prediction", pa.int64()),
        ("confidence", pa.float64()),
        ("length", pa.int32()),
        ("probabilities", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a classifier said of each example, sorted by row.

    Attributes:
        rows: the example's row of its split, shape N.
        targets: true class ids, shape N.
        lengths: tokens of each example, shape N.
        probabilities: by class id, shape (N, C).
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    lengths: NDArray[np.int32]
    probabilities: NDArray[np.float64]

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The most probable class of each example, shape N; of equal ones the first."""
        return np.asarray(np.argmax(self.probabilities, axis=1), dtype=np.int64)

    @property
    def confidences(self) -> NDArray[np.float64]:
        """The probability of that class, shape N."""
        return np.asarray(np.max(self.probabilities, axis=1), dtype=np.float64)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes the file atomically, its rows sorted.

    Raises:
        RecordError: the folder cannot be written to.
        ValueError: the columns have different lengths.
    """
    counts = {len(predictions.rows), len(predictions.targets), len(predictions.lengths)}
    if counts != {len(predictions.probabilities)}:
        raise ValueError(f"columns of different lengths: {sorted(counts)}")
    order = np.argsort(predictions.rows, kind="stable")
    flat = np.ascontiguousarray(predictions.probabilities[order], dtype=np.float64)
    offsets = np.arange(len(flat) + 1, dtype=np.int32) * flat.shape[1]
    columns = [
        pa.array(predictions.rows[order], pa.int64()),
        pa.array(predictions.targets[order], pa.int64()),
        pa.array(predictions.predictions[order], pa.int64()),
        pa.array(predictions.confidences[order], pa.float64()),
        pa.array(predictions.lengths[order], pa.int32()),
        pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.ravel())),
    ]
    with replacing(path) as aside:
        pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), aside, compression="zstd")


def read_predictions(path: Path) -> Predictions:
    """What `write_predictions` wrote.

    Raises:
        RecordError: the file is missing or is not such a file.
    """
    try:
        table = pq.read_table(path, schema=SCHEMA)
        flat = np.asarray(table["probabilities"].combine_chunks().flatten())
        return Predictions(
            rows=np.asarray(table["row"]),
            targets=np.asarray(table["target"]),
            lengths=np.asarray(table["length"]),
            probabilities=flat.reshape(table.num_rows, -1),
        )
    except (OSError, pa.ArrowException, ValueError) as error:
        raise RecordError(
            str(path), expected="the predictions of a run", got=str(error).splitlines()[0]
        ) from error
