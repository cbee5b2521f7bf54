"""What a launcher tells becomes the table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.stored import make_job, store

from seqbench.config.job import Job
from seqbench.records.folder import RunFolder
from seqbench.sweeps import live
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.live import Show
from seqbench.sweeps.state import survey
from seqbench.sweeps.table import Board


class Rows(Board):
    """A board that keeps what it was given."""

    def update(self, rows: Any) -> None:
        self.rows = {row.run_id: row for row in rows}
        super().update(rows)


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Three jobs; the first is complete."""
    made = [make_job(tmp_path, seed=seed) for seed in range(3)]
    store(made[0])
    return made


def test_the_table_follows_what_is_told(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)
    out = io.StringIO()
    boards: list[Rows] = []

    def board(*args: Any, **options: Any) -> Rows:
        boards.append(Rows(*args, out=out, **options))
        return boards[-1]

    first, second, third = jobs
    with Show("study", jobs, board) as show:
        show.begin(survey(jobs), 2)
        (table,) = boards
        assert [row.state for row in table.rows.values()] == ["completed", "queued", "queued"]
        show.started(second)
        show.elsewhere(third)
        RunFolder(second.folder).metrics.parent.mkdir(parents=True)
        RunFolder(second.folder).metrics.write_text(
            '{"step": 0, "epoch": 0, "seconds": 0.0, "tokens": 0, "planned/steps": 8}\n'
            '{"step": 2, "epoch": 0, "seconds": 1.0, "tokens": 9, "validation/accuracy": 0.5}\n'
        )
        show.tick()
        assert table.rows[third.run_id].state == "elsewhere"
        running = table.rows[second.run_id]
        assert running.state == "running"
        assert running.progress is not None
        assert (running.progress.fraction, running.progress.value) == (0.25, 0.5)
        assert running.seconds is not None
        show.note("something to know")
        show.ended(Outcome(first.run_id, "completed", already=True, stale=("code", "data")))
        show.ended(Outcome(second.run_id, "failed", "no luck"))
        show.ended(Outcome(third.run_id, "interrupted"))
    assert show.at_once == 2
    assert table.rows[first.run_id].detail == "complete already, its code and data changed since"
    assert out.getvalue().splitlines() == [
        "study study, 3 runs: 1 completed, 2 queued",
        "something to know",
        f"[2/3] {second.run_id}: failed: no luck",
        f"[3/3] {third.run_id}: interrupted",
    ]
