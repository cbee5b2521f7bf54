"""The table's lines: what they say, and that they fit."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.sweeps.stored import HALF

from seqbench.sweeps.frame import Row, Times, clean, counted, frame, number
from seqbench.sweeps.state import Progress

RUN = "docstrings-transformer-s0-1a2b3c4d"


def drawn(
    rows: list[Row],
    *,
    times: Times | None = None,
    ended: list[str] | None = None,
    width: int = 80,
    height: int = 24,
) -> list[str]:
    """The lines as a terminal of this width would show them."""
    times = times or Times(elapsed=80.0, left=221.0)
    ended = [row.run_id for row in rows] if ended is None else ended
    out = io.StringIO()
    console = Console(file=out, width=width)
    for line in frame("architectures", rows, times, ended, width, height):
        console.print(line)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def study(*, running: int = 2, failed: int = 1, completed: int = 7) -> list[Row]:
    """Rows with long run ids."""
    runs = [
        Row(f"docstrings-transformer-s{i}-1a2b3c4d", "running", "", HALF) for i in range(running)
    ]
    reason = "TrainingError: the loss is not finite at step 31 of epoch 2; lower optimizer.lr"
    bad = [Row(f"docstrings-peephole_lstm-s{i}-1a2b3c4d", "failed", reason) for i in range(failed)]
    good = [
        Row(f"docstrings-lstm-s{i}-1a2b3c4d", "completed", f"test accuracy 0.5{i:03d}")
        for i in range(completed)
    ]
    return [*runs, *bad, *good, Row("docstrings-gru-s0-1a2b3c4d", "queued")]


def test_a_sweep_at_eighty_columns() -> None:
    assert drawn(study(completed=2)) == [
        "architectures                                  1 min 20 s, about 3 min 41 s left",
        "━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  2 completed, 1 failed, 2 running, 1 queued",
        "running                               epoch                 accuracy  time  left",
        "docstrings-transformer-s0-1a2b3c4d      2/3  ━━━━━━╸━━━━━━    0.6123  0:41  1:05",
        "docstrings-transformer-s1-1a2b3c4d      2/3  ━━━━━━╸━━━━━━    0.6123  0:41  1:05",
        "failed",
        "docstrings-peephole_lstm-s0-1a2b3c4d  TrainingError: the loss is not finite at …",
        "completed",
        "docstrings-lstm-s1-1a2b3c4d           test accuracy 0.5001",
        "docstrings-lstm-s0-1a2b3c4d           test accuracy 0.5000",
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140, 200])
@pytest.mark.parametrize("height", [3, 6, 10, 24, 50])
def test_the_table_fits_any_terminal(width: int, height: int) -> None:
    rows = study(running=9, failed=20, completed=30)
    rows.append(Row("文" * 30, "failed", "文" * 200))
    rows.append(Row("elsewhere-" * 9, "elsewhere", "process 1 on a host " * 9))
    lines = frame("a study " * 9, rows, Times(1.0, 2.0), [], width, height)
    assert len(lines) <= height
    assert max(cell_len(line.plain) for line in lines) <= width
    assert len(drawn(rows, width=width, height=height)) == len(lines)  # none was folded


def test_run_ids_stay_whole_at_eighty_columns_and_lose_their_middle_below() -> None:
    rows = [Row("docstrings-tfidf_regression-s12-1a2b3c4d", "running", "", HALF)]
    assert drawn(rows)[3].startswith("docstrings-tfidf_regression-s12-1a2b3c4d  ")
    cut = drawn(rows, width=60)[3].split()[0]
    assert cut == "docstrings-t…_regression-s12-1a2b3c4d"


def test_where_there_is_little_room_the_bar_goes_and_then_the_time() -> None:
    rows = [Row(RUN, "running", "", HALF)]
    assert drawn(rows, width=80)[3].split() == [
        RUN,
        "2/3",
        "━━━━━━━╸━━━━━━━",
        "0.6123",
        "0:41",
        "1:05",
    ]
    assert drawn(rows, width=70)[3].split() == [RUN, "2/3", "0.6123", "0:41", "1:05"]
    assert drawn(rows, width=62)[3].split() == [RUN, "2/3", "0.6123", "1:05"]


def test_a_low_terminal_keeps_what_runs_and_what_failed() -> None:
    lines = drawn(study(running=3, failed=4, completed=9), height=8)
    assert [line.split()[0] for line in lines[2:]] == [
        "running",
        *(f"docstrings-transformer-s{i}-1a2b3c4d" for i in range(3)),
        "failed,",
        "docstrings-peephole_lstm-s3-1a2b3c4d",
    ]
    assert lines[6] == "failed, 1 of 4"


def test_the_last_failed_and_the_newest_completed_are_shown() -> None:
    rows = study(running=0, failed=10, completed=7)
    ended = [row.run_id for row in reversed(rows)]  # what stands first ended last
    lines = drawn(rows, ended=ended)
    start = lines.index("failed, 8 of 10") + 1
    assert [line.split("-")[2] for line in lines[start : start + 8]] == [f"s{i}" for i in range(8)]
    start = lines.index("completed, 5 of 7") + 1
    assert [line.split("-")[2] for line in lines[start:]] == [f"s{i}" for i in range(5)]


def test_a_run_whose_training_has_not_begun() -> None:
    rows = [
        Row(RUN, "running", seconds=3.0),
        Row(f"{RUN}2", "running", "waits for its data"),
        Row(f"{RUN}3", "elsewhere"),
    ]
    lines = drawn(rows)
    assert lines[3].split() == [RUN, "starting", "0:03"]
    assert lines[4].split() == [f"{RUN}2", "waits", "for", "its", "data"]
    assert lines[5:] == ["running elsewhere", f"{RUN}3"]


def test_metrics_that_differ_are_named_at_each_run() -> None:
    loss = replace(HALF, metric="loss", value=None)
    rows = [Row("a", "running", "", HALF), Row("b", "running", "", loss)]
    lines = drawn(rows)
    assert lines[2].split() == ["running", "epoch", "score", "time", "left"]
    assert "accuracy 0.6123" in lines[3]
    assert "loss \N{EN DASH}" in lines[4]


def test_a_training_without_a_plan_has_no_bar() -> None:
    bare = Progress(epoch=None, step=5, seconds=7210.0)
    assert drawn([Row("a", "running", "", bare)])[3].split() == ["a", "2:00:10"]


def test_after_its_last_step_a_run_is_ending() -> None:
    done = replace(HALF, step=150, eta_seconds=0.0)
    assert drawn([Row("a", "running", "", done)])[3].endswith("0:41  ending")


def test_unknown_times_are_left_out() -> None:
    assert drawn(study(), times=Times())[0] == "architectures"
    assert drawn(study(), times=Times(left=65.0))[0].endswith("  about 1 min 05 s left")
    assert drawn(study(), times=Times(elapsed=65.0))[0].endswith("  1 min 05 s")


def test_counts_in_order() -> None:
    rows = [Row(str(i), "completed") for i in range(1200)]
    rows += [Row("i", "interrupted"), Row("e", "elsewhere"), Row("q", "queued")]
    assert counted(rows) == "1,200 completed, 1 interrupted, 1 running elsewhere, 1 queued"
    assert counted([]) == "no runs"


def test_a_reason_cannot_move_the_cursor() -> None:
    assert clean("a\x1b[2Jb\r\nc\td") == "a [2Jb c d"
    lines = drawn([Row("a", "failed", "\x1b[31mred\nsecond line")])
    assert lines[3] == "a                  [31mred second line"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.61234, "0.6123"), (12.345, "12.35"), (1234.5, "1234"), (None, "\N{EN DASH}")],
)
def test_scores(value: float | None, said: str) -> None:
    assert number(value) == said
