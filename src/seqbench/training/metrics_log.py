"""Lightning's metrics into `metrics.jsonl`."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from seqbench.records.metrics import MetricsWriter


class MetricsLog(Logger):
    """A Lightning logger over the run's history; every row says how far the run was.

    Args:
        writer: the open history.
        tokens: says how many training tokens were seen when last counted.
        share: says how much of a budget that ends the training is used; None without one.
        earlier: seconds that earlier tries of the run trained for.
    """

    def __init__(
        self,
        writer: MetricsWriter,
        *,
        tokens: Callable[[], int],
        share: Callable[[], float | None] = lambda: None,
        earlier: float = 0.0,
    ) -> None:
        super().__init__()
        self._writer = writer
        self._tokens = tokens
        self._share = share
        self._zero = time.perf_counter() - earlier

    @property
    def name(self) -> str:
        """The kind of logger."""
        return "metrics"

    @property
    def version(self) -> str:
        """There is one a run."""
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row; Lightning's own `epoch` becomes the row's."""
        values = {name: value for name, value in metrics.items() if "/" in name}
        if values:
            share = self._share()
            values |= {} if share is None else {"budget/share": share}
            self._writer.write(
                step=int(step or 0),
                epoch=int(metrics.get("epoch", 0)),
                seconds=self._seconds(),
                tokens=self._tokens(),
                values=values,
            )

    def plan(self, steps: float | None) -> None:
        """Begin the history with how many optimizer steps there will be at most.

        Args:
            steps: of them; None where a budget says it, whose share every row has.
        """
        values = {"budget/share": 0.0} if steps is None else {"planned/steps": steps}
        self._writer.write(step=0, epoch=0, seconds=0.0, tokens=0, values=values)

    def place(self) -> dict[str, Any]:
        """How long the history is, in bytes that are on the disk and in seconds."""
        self._writer.sync()
        return {"history": self._writer.length, "seconds": self._seconds()}

    @rank_zero_only
    def log_hyperparams(
        self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any
    ) -> None:
        """Nothing: the frozen config stands beside the history."""

    def _seconds(self) -> float:
        return time.perf_counter() - self._zero
