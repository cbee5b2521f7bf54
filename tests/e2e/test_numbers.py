"""Every number of the table is what a few lines of pandas make of the records, and what W&B has."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats


@pytest.fixture
def study(cli: Any, tiny: list[str], tmp_path: Path) -> Path:
    """Two networks and a baseline, two seeds, mirrored offline, reported."""
    kept = [item for item in tiny if item not in ("logger=none", "model.d_hidden=5")]
    # W&B's own process, which tests share, has another working folder.
    own = ["logger=offline", "study=s", "hydra/launcher=basic", f"paths.outputs={tmp_path}"]
    for models in ("gru,lstm", "baseline/majority"):
        ended = cli("sweep", *kept, *own, f"model={models}", "seed=0,1", "report=false")
        assert ended.code == 0, ended.err
    assert cli("report", f"runs={tmp_path / 's'}", "figures=false").code == 0
    return tmp_path / "s"


def test_the_table_is_what_pandas_computes(study: Path) -> None:
    records = [json.loads(path.read_text()) for path in study.glob("*/record.json")]
    frame = pd.json_normalize(records)
    grouped = frame.groupby("config.choices.model")
    report = json.loads((study / "report" / "report.json").read_text())
    (table,) = report["tables"]
    assert {row["label"] for row in table["rows"]} == {"gru", "lstm", "majority"}
    for row in table["rows"]:
        prefix = "baseline/" if row["baseline"] else ""
        runs = grouped.get_group(prefix + row["label"])
        for name, summary in row["scores"].items():
            scores = runs[f"scores.test.{name}"]
            half = stats.t.ppf(0.975, len(scores) - 1) * scores.std() / len(scores) ** 0.5
            assert summary["mean"] == pytest.approx(scores.mean(), rel=1e-12)
            assert summary["sd"] == pytest.approx(scores.std(), abs=1e-12)
            assert summary["high"] - summary["mean"] == pytest.approx(half, abs=1e-12)
        for name, value in row["costs"].items():
            mean = runs[f"cost.{name}"].dropna().astype(float).mean()
            assert value == pytest.approx(mean) if value is not None else pd.isna(mean)


@pytest.mark.full
def test_wandb_has_the_same_numbers(study: Path) -> None:
    command = shutil.which("wandb", path=str(Path(sys.executable).parent)) or "wandb"
    told = 0
    for path in sorted(study.glob("*/record.json")):
        record = json.loads(path.read_text())
        (file,) = path.parent.glob("wandb/offline-run-*/run-*.wandb")
        inspect = [command, "leet", "inspect", "--summary", "--json", str(file)]
        done = subprocess.run(inspect, capture_output=True, text=True, check=True)
        summary = json.loads(done.stdout)["summary"]
        scores, cost = record["scores"], record["cost"]
        expected = {f"test/{name}": value for name, value in scores["test"].items()}
        expected |= {f"best/validation/{k}": value for k, value in scores["validation"].items()}
        expected |= {f"cost/{name}": value for name, value in cost.items()}
        for name, value in expected.items():
            assert summary.get(name) == value, (path, name)
            told += value is not None
    assert told > 50
