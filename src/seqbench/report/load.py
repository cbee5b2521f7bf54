"""Records as a table for pandas: one row a run, everything flattened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from seqbench.records.load import StoredRun, load_records
from seqbench.report.configurations import configuration_id, data_name, is_baseline, model_name


def load_frame(paths: Path | str | Sequence[Path | str]) -> pd.DataFrame:
    """Every readable run at or below the folders, one row each, sorted by study and run id.

    Raises:
        RecordError: one of the paths does not exist.
    """
    return frame(load_records(paths).runs)


def frame(runs: Iterable[StoredRun]) -> pd.DataFrame:
    """One row a run.

    Columns: study, run_id, seed, status, data, model, baseline, configuration (equal for runs
    that differ by seed alone), primary, higher_is_better, best_epoch, the fields of the cost,
    `validation/<score>`, `test/<score>`, `budget/<field>` where there was one, error, device,
    started, finished, folder.
    """
    return pd.DataFrame([_row(run) for run in runs])


def _row(run: StoredRun) -> dict[str, Any]:
    record, scores = run.record, run.record.scores
    row: dict[str, Any] = {
        "study": record.study,
        "run_id": record.run_id,
        "seed": record.seed,
        "status": record.status,
        "data": data_name(record),
        "model": model_name(record),
        "baseline": is_baseline(record),
        "configuration": configuration_id(record),
        "primary": scores.primary.name if scores.primary else None,
        "higher_is_better": scores.primary.higher_is_better if scores.primary else None,
        "best_epoch": scores.best_epoch,
        **asdict(record.cost),
    }
    row |= {f"validation/{name}": value for name, value in scores.validation.items()}
    row |= {f"test/{name}": value for name, value in scores.test.items()}
    if record.budget is not None:
        budget = asdict(record.budget)
        widths = {f"widths/{name}": width for name, width in budget.pop("widths").items()}
        row |= {f"budget/{name}": value for name, value in (budget | widths).items()}
    row |= {
        "error": f"{record.error.type}: {record.error.message}" if record.error else None,
        "device": record.provenance.device,
        "started": record.provenance.started,
        "finished": record.provenance.finished,
        "folder": str(run.folder.path),
    }
    return row
