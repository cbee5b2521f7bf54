"""A checkpoint is read as it was written, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from seqbench.errors import RecordError
from seqbench.training import checkpoint_file
from seqbench.training.checkpoint_file import read_checkpoint, write_checkpoint

CONTENT = {"weights": torch.arange(100.0), "epoch": 3, "names": ["a", "b"]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "made" / "last.ckpt"
    write_checkpoint(file, CONTENT)
    return file


def same(loaded: dict[str, object]) -> bool:
    weights = loaded.pop("weights")
    assert isinstance(weights, torch.Tensor)
    rest = {name: value for name, value in CONTENT.items() if name != "weights"}
    return torch.equal(weights, torch.arange(100.0)) and loaded == rest


def test_it_comes_back(path: Path) -> None:
    assert same(read_checkpoint(path))


def test_torch_reads_it_without_running_anything(path: Path) -> None:
    assert same(torch.load(path, weights_only=True))


def test_no_changed_byte_goes_unseen(path: Path) -> None:
    written = path.read_bytes()
    for place in range(0, len(written), 97):
        changed = bytearray(written)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(RecordError, match=r"last\.ckpt: expected a checkpoint, got a damaged"):
            read_checkpoint(path)


@pytest.mark.parametrize("kept", [0, 1, 31, 32, 33, 1000])
def test_nor_does_a_missing_end(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RecordError, match="got a damaged one"):
        read_checkpoint(path)


def test_one_that_is_whole_and_nothing_that_torch_reads(tmp_path: Path) -> None:
    body = b"not an archive"
    (tmp_path / "last.ckpt").write_bytes(body + hashlib.sha256(body).digest())
    with pytest.raises(RecordError, match=r"last\.ckpt: expected a checkpoint, got \w"):
        read_checkpoint(tmp_path / "last.ckpt")


def test_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.ckpt: got No such file"):
        read_checkpoint(tmp_path / "none.ckpt")


def test_a_write_that_fails_leaves_what_was_there(path: Path) -> None:
    with pytest.raises(AttributeError):
        write_checkpoint(path, {"unwritable": lambda: None})
    assert same(read_checkpoint(path))
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="expected a place that can be written to"):
        write_checkpoint(tmp_path / "file" / "last.ckpt", CONTENT)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told_as_such() -> None:
    content = {"weights": torch.zeros(100_000)}
    with pytest.raises(OSError, match="No space left"), Path("/dev/full").open("wb") as full:
        checkpoint_file._save(content, full)
