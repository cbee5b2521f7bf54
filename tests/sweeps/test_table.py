"""A sweep shown: the list of a dry run, lines without a terminal, the table on one."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.sweeps.screen import Screen, terminal
from tests.sweeps.stored import HALF, make_job, store

from seqbench.records.folder import RunFolder
from seqbench.records.metrics import MetricsWriter
from seqbench.records.record import RunError
from seqbench.sweeps.estimate import Estimate, estimate
from seqbench.sweeps.frame import Row
from seqbench.sweeps.state import survey
from seqbench.sweeps.table import Board, listing, remaining, standing

HALFWAY = replace(HALF, eta_seconds=40.0)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_dry_run_says_state_and_cost_of_every_run(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in range(3)]
    jobs += [make_job(tmp_path, model="gru", seed=seed) for seed in range(4)]
    store(jobs[0], seconds=(0.0, 100.0, 0.0))
    store(jobs[1], seconds=(0.0, 100.0, 0.0), code="0" * 12)
    store(jobs[3], "failed", error=RunError(type="ValueError", message="a\nb"))
    store(jobs[4], "interrupted", code="0" * 12)
    RunFolder(jobs[6].folder).record.parent.mkdir(parents=True)
    RunFolder(jobs[6].folder).record.write_text("{")
    statuses = survey(jobs)
    with RunFolder(jobs[5].folder).claim():
        statuses[5] = survey(jobs)[5]
    *lines, unreadable, totals = listing(jobs, statuses, estimate(jobs, statuses, 2))
    assert lines == [
        "docstrings-lstm-s0-00000008  completed",
        "docstrings-lstm-s1-00000008  completed, stale: code",
        "docstrings-lstm-s2-00000008  to do                     about 1 min 40 s",
        "docstrings-gru-s0-00000008   failed                    cost unknown      ValueError: a b",
        "docstrings-gru-s1-00000008   interrupted, stale: code  cost unknown",
        "docstrings-gru-s2-00000008   running                   cost unknown",
    ]
    assert unreadable.startswith("docstrings-gru-s3-00000008   unreadable  ")
    assert "expected a record in JSON" in unreadable
    done = "7 runs: 2 completed (1 stale), 5 to do, "
    assert totals == f"{done}about 1 min 40 s on 2 slots, 4 runs of unknown cost"


def test_totals_of_what_is_not_to_be_done(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in range(2)]
    store(jobs[0], "failed")
    found = listing(jobs, survey(jobs), Estimate(runs={jobs[1].run_id: 5.0}, slots=1))
    assert found[-1] == "2 runs: 1 failed, 1 to do, about 5 s on 1 slot"


def test_the_folders_alone_tell_how_things_stand(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in range(4)]
    jobs.append(make_job(tmp_path, model="baseline/majority"))
    store(jobs[0], score=0.625, seconds=(1.0, 9.0, 1.0))
    store(jobs[1], "failed", error=RunError(type="ValueError", message="no"))
    store(jobs[2], "interrupted", error=RunError(type="SIGTERM", message="stopped"))
    before = "2026-01-01T00:01:00Z"
    assert standing(survey(jobs), jobs) == [
        Row(jobs[0].run_id, "completed", "test accuracy 0.6250", seconds=9.0, finished=before),
        Row(jobs[1].run_id, "failed", "ValueError: no", finished=before),
        Row(jobs[2].run_id, "interrupted", "SIGTERM: stopped", finished=before),
        Row(jobs[3].run_id, "queued"),
        Row(jobs[4].run_id, "queued"),
    ]


def test_who_holds_a_folder_runs_unless_the_record_is_complete(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, seed=seed) for seed in range(2)]
    jobs.append(make_job(tmp_path, seed=2, choices={"model": "baseline/majority"}))
    store(jobs[0])
    store(jobs[1], "interrupted")
    with MetricsWriter(RunFolder(jobs[1].folder).metrics) as writer:
        writer.write(step=0, epoch=0, seconds=0.0, tokens=0, values={"planned/steps": 300})
    folders = [RunFolder(job.folder) for job in jobs]
    with folders[0].claim(), folders[1].claim(), folders[2].claim():
        rows = standing(survey(jobs), jobs)
    assert [row.state for row in rows] == ["completed", "running", "running"]
    assert rows[1].progress is not None
    assert rows[1].progress.planned_steps == 300
    assert rows[2].detail == "fitting"


def test_the_time_left_of_the_whole() -> None:
    running = Row("a", "running", "", HALFWAY)
    queued = [Row("b", "queued"), Row("c", "queued")]
    # By the one that runs, a run takes 81 s.
    assert remaining([running, *queued], 2, {}) == (40 + 81 + 81) / 2
    assert remaining([running, *queued], 2, {"b": 90.0, "c": None}) == (40 + 90 + 81) / 2
    assert remaining([Row("x", "completed", seconds=20.0), *queued], 2, {}) == 20.0
    assert remaining([running, Row("b", "queued")], 16, {}) == 81  # the longest
    started = Row("a", "running", seconds=5.0)
    assert remaining([started], 1, {"a": 20.0}) == 15.0


def test_the_time_left_of_the_whole_is_unknown_before_anything_is_known() -> None:
    assert remaining([Row("a", "running"), Row("b", "queued")], 2, {}) is None
    assert remaining([Row("a", "running", "", HALFWAY), Row("b", "failed")], 2, {}) == 40.0
    assert remaining([Row("a", "completed", seconds=1.0), Row("b", "failed")], 2, {}) is None


def lines_of(*updates: list[Row], total: int = 4, **options: Any) -> list[str]:
    out = io.StringIO()
    with Board("some", total, out, **options) as board:
        for rows in updates:
            board.update(rows)
    return out.getvalue().splitlines()


def test_without_a_terminal_a_line_for_each_run_that_ends() -> None:
    queued = [Row(name, "queued") for name in "bcd"]
    assert lines_of(
        [Row("a", "completed", "test accuracy 0.5000"), *queued],
        [
            Row("a", "completed", "test accuracy 0.5000"),
            Row("b", "running", "", HALFWAY),
            *queued[1:],
        ],
        [
            Row("a", "completed", "test accuracy 0.5000"),
            Row("b", "completed"),
            Row("c", "failed", "ValueError: no\nluck"),
            Row("d", "interrupted"),
        ],
    ) == [
        "study some, 4 runs: 1 completed, 3 queued",
        "[2/4] b: completed",
        "[3/4] c: failed: ValueError: no luck",
        "[4/4] d: interrupted",
    ]


def test_a_run_that_is_tried_again_ends_again() -> None:
    states = ["queued", "failed", "failed", "running", "completed"]
    told = lines_of(*([Row("a", state)] for state in states), total=1)  # type: ignore[arg-type]
    assert told[1:] == ["[1/1] a: failed", "[1/1] a: completed"]


def test_without_a_terminal_a_line_a_minute_where_nothing_ends() -> None:
    clock, out = Clock(), io.StringIO()
    board = Board("some", 9, out, clock=clock)
    rows = [Row("a", "running", "", HALFWAY), Row("b", "running"), Row("c", "queued")]
    for now in (0, 59, 60, 61, 119, 121):
        clock.now = float(now)
        board.update(rows)
    line = "2 running: a epoch 2/3, accuracy 0.6123, 40 s left; b starting"
    assert out.getvalue().splitlines()[1:] == [line, line]
    clock.now = 200.0
    board.update([Row(str(i), "running") for i in range(7)])
    assert out.getvalue().endswith("3 starting; 3 more\n")
    clock.now = 300.0
    board.update([Row("a", "queued"), Row("b", "interrupted")])
    clock.now = 400.0
    board.update([Row("a", "queued"), Row("b", "interrupted")])
    assert out.getvalue().endswith("\n[1/9] b: interrupted\n1 interrupted, 1 queued\n")


def test_a_note_is_a_line_without_control_characters() -> None:
    out = io.StringIO()
    board = Board("some", 1, out)
    board.note("one\x1b[2J\ntwo")
    board.close()
    board.note("three")
    assert out.getvalue() == "one [2J two\nthree\n"


def test_an_output_that_is_gone_stops_no_sweep(tmp_path: Path) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    board = Board("some", 1, Gone())
    board.update([Row("a", "queued")])
    board.note("a line")
    board.close()
    with terminal(80, 24) as tty:
        board = Board("some", 1, tty.out)
        board.update([Row("a", "queued")])
        tty.out.close()
        board.update([Row("a", "completed")])
        board.note("a line")
        board.close()


def study(completed: int) -> list[Row]:
    """Twelve runs: so many are completed, then one has failed, two run, the others wait."""
    rows: list[Row] = []
    for i in range(12):
        run_id = f"docstrings-transformer-s{i}-1a2b3c4d"
        if i < completed:
            rows.append(Row(run_id, "completed", f"test accuracy 0.5{i:03d}", seconds=60.0))
        elif i == completed:
            rows.append(Row(run_id, "failed", "TrainingError: the loss is not finite " * 4))
        elif i <= completed + 2:
            rows.append(Row(run_id, "running", "", HALFWAY))
        else:
            rows.append(Row(run_id, "queued"))
    return rows


def test_on_a_terminal_one_table_is_left_and_the_cursor_is_shown() -> None:
    clock = Clock()
    with terminal(80, 24) as tty:
        board = Board("some", 12, tty.out, clock=clock)
        for completed in range(8):
            clock.now += 30
            board.update(study(completed))
            if completed == 3:
                board.note("a note")
        board.close()
        print("what comes after", file=tty.out)
        written = tty.close()
    screen = Screen(80, 24)
    screen.write(written)
    lines = screen.text()
    assert lines[0] == "a note"
    assert lines[1] == "some" + "4 min 00 s, about 1 min 40 s left".rjust(76)
    assert lines[2].endswith("  7 completed, 1 failed, 2 running, 2 queued")
    assert [line.split()[0] for line in lines[3:]] == [
        "running",
        *(f"docstrings-transformer-s{i}-1a2b3c4d" for i in (8, 9)),
        "failed",
        "docstrings-transformer-s7-1a2b3c4d",
        "completed,",
        *(f"docstrings-transformer-s{i}-1a2b3c4d" for i in (6, 5, 4, 3, 2)),
        "what",
    ]
    assert screen.cursor_shown
    assert "\x1b[?25l" in written  # it was hidden in between


def test_a_terminal_that_became_narrower_shows_the_table_once() -> None:
    with terminal(140, 24) as tty:
        clock = Clock()
        board = Board("some", 12, tty.out, clock=clock)
        board.update(study(3))
        tty.resize(60, 24)
        clock.now = 1.0
        board.update(study(4))
        board.close()
        written = tty.close()
    screen = Screen(60, 24)  # in which the first table's lines are folded
    screen.write(written)
    lines = [line for line in screen.text() if line]
    assert sum(line.split()[0] == "some" for line in lines) == 1
    assert lines[-1] == "docstrings-transformer-s0-1a2b3c4d   test accuracy 0.5000"
    assert max(map(len, lines)) <= 60


def test_a_low_terminal_does_not_scroll() -> None:
    with terminal(80, 8) as tty:
        clock = Clock()
        board = Board("some", 12, tty.out, clock=clock)
        for completed in range(6):
            clock.now += 1
            board.update(study(completed))
        board.close()
        written = tty.close()
    screen = Screen(80, 8)
    screen.write(written)
    assert len(screen.lines) == 8


def test_the_table_is_not_drawn_more_often_than_one_can_see_but_its_end_is_shown() -> None:
    with terminal(80, 24) as tty:
        board = Board("some", 12, tty.out, clock=Clock())  # no time passes
        for completed in range(9):
            board.update(study(completed))
        board.close()
        written = tty.close()
    assert written.count(" queued") < 4
    screen = Screen(80, 24)
    screen.write(written)
    assert screen.text()[1].endswith("8 completed, 1 failed, 2 running, 1 queued")


def test_between_two_runs_a_slot_is_still_counted() -> None:
    running = [Row("a", "running", "", HALFWAY), Row("b", "running", "", HALFWAY)]
    queued = [Row("c", "queued"), Row("d", "queued")]
    clock = Clock()
    with terminal(80, 24) as tty:
        with Board("some", 4, tty.out, clock=clock) as board:
            board.update([*running, *queued])
            clock.now = 1.0
            board.update([running[0], Row("b", "completed", seconds=60.0), *queued])
        written = tty.close()
    screen = Screen(80, 24)
    screen.write(written)
    assert screen.text()[0].endswith("1 s, about 1 min 20 s left")  # (40 + 60 + 60) s on 2 slots


def test_a_sweep_elsewhere_is_watched_without_its_age() -> None:
    with terminal(80, 24) as tty:
        with Board("some", 12, tty.out, watching=True) as board:
            board.update(study(3))
        written = tty.close()
    screen = Screen(80, 24)
    screen.write(written)
    assert screen.text()[0].split()[:2] == ["some", "about"]


def test_what_others_print_to_standard_error_stands_above_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with terminal(80, 24) as tty:
        monkeypatch.setattr(sys, "stderr", tty.out)
        with Board("some", 12) as board:
            board.update(study(3))
            print("a warning", file=sys.stderr)
        assert sys.stderr is tty.out
        written = tty.close()
    screen = Screen(80, 24)
    screen.write(written)
    assert screen.text()[0] == "a warning"
    assert screen.text()[1].startswith("some ")


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TERM", "dumb")
    with terminal(80, 24) as tty:
        with Board("some", 12, tty.out) as board:
            board.update(study(3))
        assert tty.close() == "study some, 12 runs: 3 completed, 1 failed, 2 running, 6 queued\n"
