"""`seqbench benchmark`: a table of speeds, and what it cannot measure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

Cli = Any


def test_it_prints_a_table(cli: Cli, tiny: list[str]) -> None:
    ended = cli("benchmark", *tiny, "steps=3", "warmup=1", "rounds=2")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].startswith("lstm on text_classification: 2 rounds of 3 training steps after 1")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    assert [row[0] for row in rows[2:]] == ["bare loop", "pipeline", "pipeline with W&B"]
    assert rows[2][3] == "1.000"
    for row in rows[2:]:
        assert float(row[1]) > 0
        assert re.fullmatch(r"\d+\.\d{3} \d+\.\d{3}", row[4])
    assert not list(Path().iterdir())


def test_more_steps_than_there_are(cli: Cli, tiny: list[str]) -> None:
    ended = cli("benchmark", *tiny, "steps=30", "warmup=1")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "seqbench: steps: expected at most 4 beside warmup=1, got 30; "
        "the training split has no more batches in an epoch\n"
    )
