"""Which files an unfinished training keeps, and what is left of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.training.checkpoint_file import read_checkpoint, write_checkpoint
from seqbench.training.training_files import (
    best_checkpoint,
    discard_training,
    find_best,
    good_checkpoint,
    last_checkpoint,
    move,
    older_best,
    previous_checkpoint,
    training_checkpoints,
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run folder whose best weights are of step 20, and older ones of step 10."""
    folder = RunFolder(tmp_path)
    write_checkpoint(best_checkpoint(folder), {"global_step": 20})
    write_checkpoint(older_best(best_checkpoint(folder), 10), {"global_step": 10})
    return folder


def names(folder: RunFolder) -> set[str]:
    return {path.name for path in folder.checkpoints.iterdir()}


def test_the_newest_is_the_first_to_go_on_from(folder: RunFolder) -> None:
    assert training_checkpoints(folder) == []
    write_checkpoint(previous_checkpoint(folder), {})
    assert training_checkpoints(folder) == [previous_checkpoint(folder)]
    write_checkpoint(last_checkpoint(folder), {})
    assert training_checkpoints(folder) == [last_checkpoint(folder), previous_checkpoint(folder)]


def test_the_best_of_a_step_is_found_and_becomes_the_best_again(folder: RunFolder) -> None:
    best = best_checkpoint(folder)
    assert find_best(folder, 20) == best
    assert find_best(folder, 10) == older_best(best, 10)
    move(find_best(folder, 20), best)
    assert names(folder) == {"best.ckpt", "best-10.ckpt"}
    move(find_best(folder, 10), best)
    assert names(folder) == {"best.ckpt"}
    assert read_checkpoint(best)["global_step"] == 10


def test_one_that_is_damaged_or_gone_is_not_found(folder: RunFolder) -> None:
    with pytest.raises(RecordError, match=r"best-30\.ckpt: got No such file"):
        find_best(folder, 30)
    best_checkpoint(folder).write_bytes(b"x" * 100)
    with pytest.raises(RecordError, match=r"best\.ckpt: .*a damaged one"):
        find_best(folder, 20)
    assert find_best(folder, 10).name == "best-10.ckpt"


def test_a_finished_training_leaves_its_best_weights(folder: RunFolder) -> None:
    for path in (last_checkpoint, previous_checkpoint, good_checkpoint):
        write_checkpoint(path(folder), {})
    discard_training(folder)
    assert names(folder) == {"best.ckpt"}
    discard_training(folder)


def test_the_one_before_is_the_file_that_was_there(tmp_path: Path) -> None:
    last, previous = tmp_path / "last.ckpt", tmp_path / "previous.ckpt"
    write_checkpoint(last, {"save": 1}, keep=previous)
    assert not previous.exists()
    for save in (2, 3):
        before, inode = last.read_bytes(), last.stat().st_ino
        write_checkpoint(last, {"save": save}, keep=previous)
        assert previous.read_bytes() == before
        assert previous.stat().st_ino == inode, "renamed, not written again"
    assert read_checkpoint(last) == {"save": 3}
    assert len(list(tmp_path.iterdir())) == 2
