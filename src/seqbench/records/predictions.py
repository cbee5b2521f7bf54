"""`predictions.parquet`: one row a test example, so that models can be compared pairwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seqbench.errors import RecordError, first_line
from seqbench.records.store import replacing

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("target", pa.int64()),
        ("prediction", pa.int64()),
        ("confidence", pa.float64()),
        ("length", pa.int32()),
        ("probabilities", pa.list_(pa.float64())),
        ("text", pa.string()),
    ]
)
TEXT_LENGTH = 200  # characters kept of an example's text
MAX_CLASS_ID = 10_000_000  # what is beyond it was never an id of ours


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a classifier said of each example, sorted by row.

    Attributes:
        rows: the example's row of its split, shape N.
        targets: true class ids, shape N.
        lengths: tokens of each example, shape N.
        probabilities: by class id, shape (N, C).
        texts: of the examples, N of them; the file keeps their beginnings. None where not known.
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    lengths: NDArray[np.int32]
    probabilities: NDArray[np.float64]
    texts: Sequence[str] | None = None

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The most probable class of each example, shape N; of equal ones the first."""
        return np.asarray(np.argmax(self.probabilities, axis=1), dtype=np.int64)

    @property
    def confidences(self) -> NDArray[np.float64]:
        """The probability of that class, shape N."""
        return np.asarray(np.max(self.probabilities, axis=1), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What a classifier said of each example, in few columns: what comparing many runs needs.

    Attributes:
        rows: the example's row of its split, shape N.
        targets: true class ids, shape N.
        predictions: class ids, shape N.
        confidences: the probability of the predicted class, shape N.
        lengths: tokens of each example, shape N.
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    predictions: NDArray[np.int64]
    confidences: NDArray[np.float64]
    lengths: NDArray[np.int32]


def excerpt(text: str) -> str:
    """The first `TEXT_LENGTH` characters of a text, runs of white space folded to a blank."""
    near = 2 * TEXT_LENGTH
    folded = " ".join(text[:near].split())
    if len(folded) < TEXT_LENGTH and len(text) > near:  # it begins with much white space
        folded = " ".join(text.split())
    # A lone surrogate is legal in a Python string and not in UTF-8.
    return folded[:TEXT_LENGTH].rstrip().encode("utf-8", "replace").decode()


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Writes the file atomically, its rows sorted.

    Raises:
        RecordError: the folder cannot be written to.
        ValueError: the columns have different lengths.
    """
    counts = {len(predictions.rows), len(predictions.targets), len(predictions.lengths)}
    counts |= {len(predictions.texts)} if predictions.texts is not None else set()
    if counts != {len(predictions.probabilities)}:
        raise ValueError(f"columns of different lengths: {sorted(counts)}")
    order = np.argsort(predictions.rows, kind="stable")
    flat = np.ascontiguousarray(predictions.probabilities[order], dtype=np.float64)
    offsets = np.arange(len(flat) + 1, dtype=np.int32) * flat.shape[1]
    texts = predictions.texts
    columns = [
        pa.array(predictions.rows[order], pa.int64()),
        pa.array(predictions.targets[order], pa.int64()),
        pa.array(predictions.predictions[order], pa.int64()),
        pa.array(predictions.confidences[order], pa.float64()),
        pa.array(predictions.lengths[order], pa.int32()),
        pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.ravel())),
        pa.array([None if texts is None else excerpt(texts[i]) for i in order], pa.string()),
    ]
    with replacing(path) as aside:
        pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), aside, compression="zstd")


def read_predictions(path: Path) -> Predictions:
    """What `write_predictions` wrote.

    Raises:
        RecordError: the file is missing or is not such a file.
    """
    columns = _columns(path, SCHEMA.names)
    rows, targets, _, _, lengths, probabilities, texts = (each.combine_chunks() for each in columns)
    classes = pc.unique(pc.list_value_length(probabilities)).to_pylist()
    if not len(rows):
        raise _unlike(path, "no example")
    if len(classes) > 1 or classes == [0]:
        raise _unlike(path, "examples with unlike numbers of classes")
    return Predictions(
        rows=np.asarray(rows),
        targets=np.asarray(targets),
        lengths=np.asarray(lengths),
        probabilities=np.asarray(probabilities.flatten()).reshape(len(rows), -1),
        texts=None if texts.null_count else tuple(map(str, _texts(path, texts))),
    )


def read_outcomes(path: Path) -> Outcomes:
    """The outcomes alone, for comparing many runs.

    Raises:
        RecordError: the file is missing or is not such a file.
    """
    columns = _columns(path, ("row", "target", "prediction", "confidence", "length"))
    rows, targets, predictions, confidences, lengths = (np.asarray(each) for each in columns)
    if not len(rows):
        raise _unlike(path, "no example")
    if not np.isfinite(confidences).all():
        raise _unlike(path, "a confidence that is not a number")
    if min(targets.min(), predictions.min(), lengths.min(), confidences.min()) < 0:
        raise _unlike(path, "a class, a length or a confidence below 0")
    if max(targets.max(), predictions.max()) > MAX_CLASS_ID or confidences.max() > 1 + 1e-6:
        raise _unlike(path, "a class or a confidence beyond all")
    return Outcomes(
        rows=rows,
        targets=targets,
        predictions=predictions,
        confidences=confidences,
        lengths=lengths,
    )


def read_texts(path: Path, rows: Sequence[int]) -> dict[int, str]:
    """The beginnings of the texts of these rows of the split, those that were kept.

    Raises:
        RecordError: the file is missing or is not such a file.
    """
    found, texts = _columns(path, ("row", "text"))
    wanted = pc.is_in(found, value_set=pa.array(list(rows), pa.int64()))
    pairs = zip(found.filter(wanted).to_pylist(), _texts(path, texts.filter(wanted)), strict=True)
    return {row: text for row, text in pairs if text is not None}


def _columns(path: Path, names: Sequence[str]) -> list[pa.ChunkedArray]:
    """These columns and no others are read."""
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in names if name not in file.schema_arrow.names]
            if missing:
                raise ValueError(f"no column {missing[0]!r}")
            # One file of a few columns: starting threads would take longer than reading it.
            table = file.read(columns=list(names), use_threads=False)
        for name in names:
            kind, wanted = table.schema.field(name).type, SCHEMA.field(name).type
            if kind != wanted:
                raise ValueError(f"column {name} of type {kind}, not {wanted}")
            if name != "text" and table[name].null_count:
                raise ValueError(f"column {name} has gaps")
    except (OSError, pa.ArrowException, ValueError, LookupError) as error:
        raise _unlike(path, first_line(error)) from error
    return [table[name] for name in names]


def _texts(path: Path, column: pa.ChunkedArray | pa.Array) -> list[str | None]:
    try:
        texts: list[str | None] = column.to_pylist()
    except UnicodeDecodeError as error:
        raise _unlike(path, "a text that is no Unicode") from error
    return texts


def _unlike(path: Path, got: str) -> RecordError:
    return RecordError(str(path), expected="the predictions of a run", got=got)
