"""`token_losses.parquet`: one row a predicted token, so that language models can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seqbench.errors import RecordError, first_line
from seqbench.records.store import replacing

SCHEMA = pa.schema([("row", pa.int64()), ("target", pa.int32()), ("loss", pa.float32())])


@dataclass(frozen=True, kw_only=True)
class TokenLosses:
    """What a language model said of each token of a split, in the order of the text.

    Attributes:
        targets: token ids, shape N.
        losses: negative log likelihood of each in nats, shape N.
    """

    targets: NDArray[np.int32]
    losses: NDArray[np.float32]


def write_token_losses(path: Path, tokens: TokenLosses) -> None:
    """Writes the file atomically; a row's number is the token's place, from 0.

    Raises:
        RecordError: the folder cannot be written to.
    """
    columns = [
        pa.array(np.arange(len(tokens.losses)), pa.int64()),
        pa.array(tokens.targets, pa.int32()),
        pa.array(tokens.losses, pa.float32()),
    ]
    with replacing(path) as aside:
        pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), aside, compression="zstd")


def read_token_losses(path: Path) -> TokenLosses:
    """What `write_token_losses` wrote.

    Raises:
        RecordError: the file is missing or is not such a file.
    """
    try:
        table = pq.read_table(path, schema=SCHEMA)
        if any(column.null_count for column in table.columns):
            raise ValueError("a column has gaps")
    except (OSError, pa.ArrowException, ValueError, LookupError) as error:
        raise RecordError(
            str(path), expected="the token losses of a run", got=first_line(error)
        ) from error
    return TokenLosses(targets=np.asarray(table["target"]), losses=np.asarray(table["loss"]))
