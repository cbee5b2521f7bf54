"""`seqbench report`: files and the answer, from records alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

Cli = Any


def test_a_study(cli: Cli, network_run: Path, baseline_run: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    for run in (network_run, baseline_run):
        shutil.copytree(run, study / run.name)
    ended = cli("report", f"runs={study}")
    assert (ended.code, ended.err) == (0, "")
    assert "lstm" in ended.out
    assert "tfidf_regression" in ended.out
    *_, figures, page = ended.out.splitlines()
    assert page == f"report: {study}/report/report.html"
    assert figures == f"figures for a paper: {study}/report/figures"
    assert (study / "report" / "figures" / "seeds.pdf").exists()
    files = {file.name for file in (study / "report").iterdir() if file.is_file()}
    assert {"report.html", "report.md"} <= files
    elsewhere = cli("report", f"runs=[{study}]", "out=there", "figures=false")
    assert elsewhere.out.splitlines()[-1] == "report: there/report.html"


def test_nothing_there(cli: Cli) -> None:
    ended = cli("report", "runs=nowhere")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("seqbench: nowhere: expected a run folder, or a folder of runs")
    assert not Path("nowhere").exists()
