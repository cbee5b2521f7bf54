from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqbench.errors import RecordError
from seqbench.records.store import replacing, write_atomic


def test_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    write_atomic(path, "old and long")
    write_atomic(path, "né")
    assert path.read_bytes() == "né".encode()
    assert os.listdir(tmp_path) == ["f.json"]


def test_an_exception_in_mid_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    write_atomic(path, "old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as aside:
        aside.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["f.json"]


def test_a_kill_in_mid_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    write_atomic(path, "old")
    program = """
import os, signal, sys
from pathlib import Path
from seqbench.records.store import replacing
with replacing(Path(sys.argv[1])) as aside:
    aside.write_text("ne")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_text() == "old"
    write_atomic(path, "new")
    assert path.read_text() == "new"


def test_the_file_is_synced_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("fsync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("rename"), rename(a, b)))
    write_atomic(tmp_path / "f", "x")
    assert calls == ["fsync", "rename", "fsync"]


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    write_atomic(path, "old")

    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        RecordError, match=r"f: expected a place .* got No space left.*paths\.outputs"
    ):
        write_atomic(path, "new")
    assert path.read_text() == "old"
