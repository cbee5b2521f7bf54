"""Lightning's metrics as rows of the history."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from seqbench.records.metrics import MetricsWriter, read_metrics
from seqbench.training.metrics_log import MetricsLog


def test_a_row_says_where_the_run_was(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path / "metrics.jsonl") as writer:
        log = MetricsLog(writer, tokens=lambda: 42)
        log.log_metrics({"train/loss": 0.5, "tokens": 7, "epoch": 3}, step=12)
        log.log_metrics({"validation/accuracy": 0.25, "validation/loss": float("nan")}, step=None)
        log.log_metrics({"epoch": 1}, step=13)
        log.log_hyperparams(Namespace(lr=1))
    first, second = read_metrics(tmp_path / "metrics.jsonl")
    assert first.pop("seconds") >= 0
    assert first == {"step": 12, "epoch": 3, "tokens": 42, "train/loss": 0.5}
    assert second.pop("seconds") >= 0
    assert second == {
        "step": 0, "epoch": 0, "tokens": 42, "validation/accuracy": 0.25, "validation/loss": None,
    }  # fmt: skip
