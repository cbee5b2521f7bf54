from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from seqbench.errors import RecordError
from seqbench.records.metrics import MetricsWriter, read_metrics


def write(writer: MetricsWriter, step: int, **values: float) -> None:
    named = {f"train/{name}": value for name, value in values.items()}
    writer.write(step=step, epoch=0, seconds=step / 2, tokens=10 * step, values=named)


def test_rows_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsWriter(path) as writer:
        write(writer, 1, loss=0.1 + 0.2)
        write(writer, 2, loss=float("nan"))
        assert writer.length == path.stat().st_size  # on disk before it is closed
    assert read_metrics(path) == [
        {"step": 1, "epoch": 0, "seconds": 0.5, "tokens": 10, "train/loss": 0.1 + 0.2},
        {"step": 2, "epoch": 0, "seconds": 1.0, "tokens": 20, "train/loss": None},
    ]
    json.loads(path.read_text().splitlines()[1], parse_constant=pytest.fail)


def test_a_torn_last_line_is_left_out_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsWriter(path) as writer:
        write(writer, 1)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"step": 2, "ep')
    assert [row["step"] for row in read_metrics(path)] == [1]
    with MetricsWriter(path) as writer:
        assert path.read_bytes() == whole
        write(writer, 2)
    assert [row["step"] for row in read_metrics(path)] == [1, 2]


def test_a_resumed_run_goes_back_to_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsWriter(path) as writer:
        write(writer, 1)
        length = writer.length
        write(writer, 2)
    with MetricsWriter(path) as writer:
        writer.truncate(length)
        write(writer, 3)
    assert [row["step"] for row in read_metrics(path)] == [1, 3]


@pytest.mark.parametrize("length", [3, 10_000])
def test_a_length_that_does_not_fit_is_refused(tmp_path: Path, length: int) -> None:
    with MetricsWriter(tmp_path / "metrics.jsonl") as writer:
        write(writer, 1)
        with pytest.raises(RecordError, match=rf"ends at byte {length}, as the checkpoint says"):
            writer.truncate(length)


def test_a_disk_that_takes_no_more_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with MetricsWriter(tmp_path / "metrics.jsonl") as writer:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(RecordError, match=r"metrics\.jsonl: .* No space left on device"):
            writer.sync()


def test_damage_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    row = '{"step": 1, "epoch": 0, "seconds": 0.5, "tokens": 9}\n'
    path.write_text(f'{row}{{"st\n{row}')
    with pytest.raises(RecordError, match=r"metrics\.jsonl, line 2: expected a JSON object"):
        read_metrics(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="No such file"):
        read_metrics(tmp_path / "metrics.jsonl")
    with pytest.raises(RecordError, match="No such file"):
        MetricsWriter(tmp_path / "nowhere" / "metrics.jsonl")
