from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.record import RunRecord

HOLD = """
import sys, time
from seqbench.records.folder import RunFolder
with RunFolder(sys.argv[1]).claim():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_record_round_trips(tmp_path: Path, record: RunRecord) -> None:
    folder = RunFolder(tmp_path / "outputs" / "study" / record.run_id)
    with folder.claim():
        assert folder.read_record() is None
        folder.write_record(record)
    assert folder.read_record() == record


def test_a_second_process_learns_who_holds_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "study" / "run"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        message = rf"run: got held by process {process.pid} on \S+ since 2\d{{3}}-\S+Z; wait"
        with pytest.raises(RecordError, match=message), RunFolder(path).claim():
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with RunFolder(path).claim():  # the kernel released the killed process's lock
        pass


def test_two_claims_in_one_process_collide(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.claim():
        with pytest.raises(RecordError, match=rf"held by process {os.getpid()} "), folder.claim():
            pass
        with pytest.raises(RecordError, match="held by"), folder.claim():
            pass  # the failed claim did not release the first one
    with folder.claim():
        pass


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.claim():
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with folder.claim():
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_killed_run_s_data_workers_do_not_keep_the_lock(tmp_path: Path) -> None:
    program = """
import os, sys, time
from seqbench.records.folder import RunFolder
with RunFolder(sys.argv[1]).claim():
    child = os.fork()
    if child:
        print(child, flush=True)
    time.sleep(60)
"""
    path = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    time.sleep(0.2)  # for the child to run its side of the fork
    process.kill()
    process.wait()
    try:
        with RunFolder(path).claim():
            os.kill(child, 0)  # it is still there
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_place_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    message = r"run: expected a place that can be written to, got Not a directory; choose another"
    with pytest.raises(RecordError, match=message), RunFolder(tmp_path / "file" / "run").claim():
        pass

    def read_only(*_: object, **__: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(RecordError, match="got Read-only file system"), RunFolder(tmp_path).claim():
        pass


def test_unreadable_records_say_so(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.record.write_text("{ torn")
    with pytest.raises(RecordError, match=r"record\.json: expected a record in JSON, got"):
        folder.read_record()
    folder.record.write_text("[]")
    with pytest.raises(RecordError, match=r"record\.json: expected an object, got list"):
        folder.read_record()


def test_secrets_never_reach_the_record(
    tmp_path: Path, record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "abcdefgh12345678")
    config = {"logger": {"wandb": {"api_key": "k1k1k1"}}, "storage": "postgresql://me:pw1@host/db"}
    overrides = ["logger.wandb.api_key=k1k1k1", "tokenizer=word", "note=abcdefgh12345678"]
    folder = RunFolder(tmp_path)
    folder.write_record(replace(record, config=config, overrides=overrides))
    text = folder.record.read_text()
    assert not any(secret in text for secret in ("k1k1k1", "pw1", "abcdefgh12345678"))
    read = folder.read_record()
    assert read is not None
    assert read.overrides == ["logger.wandb.api_key=***", "tokenizer=word", "note=***"]
    assert read.config["storage"] == "postgresql://me:***@host/db"


def test_clear_keeps_the_lock(tmp_path: Path, record: RunRecord) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.claim():
        folder.checkpoints.mkdir()
        (folder.checkpoints / "best.ckpt").write_text("")
        folder.write_record(record)
        folder.clear()
        assert os.listdir(folder.path) == [folder.lock.name]


def test_what_a_killed_writer_left_is_removed_by_the_next_holder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    left = [folder.path / ".record.json.1.0.tmp", folder.checkpoints / ".last.ckpt.99.12.tmp"]
    kept = [folder.path / ".config.yaml.1.0.tmp", folder.path / "my.tmp", folder.path / ".x.tmp"]
    for path in (*left, *kept):
        path.write_text("half")
    with folder.claim():
        assert not any(path.exists() for path in left)
        assert all(path.exists() for path in kept)


def test_an_error_with_bytes_of_a_file_name_is_recorded(tmp_path: Path, record: RunRecord) -> None:
    folder = RunFolder(tmp_path)
    folder.write_record(replace(record, overrides=["data.files.train=caf\udce9.csv"]))
    read = folder.read_record()
    assert read is not None and read.overrides == ["data.files.train=caf?.csv"]
