"""How a report of many runs scales: `python -m tests.report.scale [RUNS] [FOLDER]`.

Generated records with histories and predictions of 2,000 test examples; the report is made in a
process of its own, whose time and memory are told.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from tests.report.conftest import store_run

_PROGRAM = """
import resource, sys, time
began = time.perf_counter()
from pathlib import Path
from seqbench.report.paper import write_figures
from seqbench.report.write import write_report
report = write_report(sys.argv[1], sys.argv[2])
written = time.perf_counter() - began
write_figures(report.content, Path(sys.argv[2]) / "figures")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
page = report.html.stat().st_size / 1e6
print(f"{len(report.content.runs)} runs: report {written:.1f} s, with figures for a paper "
      f"{time.perf_counter() - began:.1f} s, {peak:.2f} GB, page {page:.1f} MB")
"""


def generate(outputs: Path, runs: int) -> None:
    """Four architectures, learning rates drawn at random, two seeds each."""
    rng = np.random.default_rng(0)
    models = ("lstm", "gru", "cnn_lstm", "transformer")
    for number in range(runs // 2):
        rate = float(10 ** rng.uniform(-4, -1))
        width = int(rng.choice([64, 128, 256]))
        for seed in range(2):
            score = 0.7 - 0.05 * abs(np.log10(rate) + 2.5) + 0.01 * rng.normal()
            store_run(
                outputs,
                model=models[number % len(models)],
                seed=seed,
                score=score,
                settings={"d_hidden": width},
                config={"optimizer": {"lr": rate}},
                examples=2000,
            )


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        where = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder)
        if not (where / "outputs").exists():
            generate(where / "outputs", runs)
        command = [sys.executable, "-c", _PROGRAM, where / "outputs", where / "report"]
        subprocess.run(command, check=True)
