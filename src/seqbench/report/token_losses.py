"""What language models said of each token of the test text: read once, compared token by token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import RecordError
from seqbench.records.token_losses import TokenLosses, read_token_losses
from seqbench.report.outcomes import SEEDS_READ
from seqbench.report.tables import Row


@dataclass(frozen=True)
class Tokens:
    """The test tokens as the contenders of one table saw them.

    Attributes:
        by_row: the loss of each token, in nats, of each configuration by its identity and seed.
        problems: why a run's losses could not be used, by run id.
    """

    by_row: dict[str, dict[int, NDArray[np.float32]]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def losses(self, row: Row, seed: int) -> NDArray[np.float32]:
        """The losses of one run, shape N."""
        return self.by_row[row.identity][seed]

    def seeds(self, row: Row) -> list[int]:
        """The seeds of a configuration that have losses."""
        return sorted(self.by_row.get(row.identity, {}))


def read_tokens(rows: Iterable[Row]) -> Tokens:
    """The losses of the first runs of each configuration that has any.

    A run whose test tokens are not those of the others (another tokenizer, other text) is left out,
    and said.
    """
    found = Tokens()
    first: TokenLosses | None = None
    for row in rows:
        for run in row.runs[:SEEDS_READ]:
            path, run_id = run.folder.token_losses, run.record.run_id
            if not path.exists():
                continue  # of another task
            try:
                tokens = read_token_losses(path)
            except RecordError as error:
                found.problems[run_id] = error.line().replace(f"{run.folder.path}/", "")
                continue
            if first is not None and not np.array_equal(first.targets, tokens.targets):
                found.problems[run_id] = "its test tokens are not those of the others"
                continue
            first = first or tokens
            found.by_row.setdefault(row.identity, {})[run.record.seed] = tokens.losses
    return found
