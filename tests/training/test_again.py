"""A run done again, for every kind of run; what differs is found wherever it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqbench.config.again import job_again
from seqbench.config.compose import compose_job
from seqbench.records.completed import completed_run
from seqbench.training.again import Again, do_again
from seqbench.training.checkpoint_file import read_checkpoint, write_checkpoint
from seqbench.training.execute import execute

DoAgain = Callable[[Path], Again]


@pytest.fixture
def again(tmp_path: Path, cache_dir: Path) -> DoAgain:
    """Does the run of a folder again, in the test's own."""

    def do(path: Path) -> Again:
        run = completed_run(path)
        here = ["from=x", f"paths.outputs={tmp_path / 'again'}", f"paths.cache={cache_dir}"]
        return do_again(run, job_again(run, compose_job(here)))

    return do


@pytest.fixture
def copied(network_run: Path, tmp_path: Path) -> Path:
    """A run of a network, to be changed; its folder has the name of its id."""
    return Path(shutil.copytree(network_run, tmp_path / "copy" / network_run.name))


def test_a_network(network_run: Path, again: DoAgain) -> None:
    found = again(network_run).comparison
    assert (found.differences, found.skipped) == ((), ())
    assert found.same[-3:] == ("9 rows of history", "13 predictions", "weights")


def test_a_baseline_has_neither_history_nor_weights(baseline_run: Path, again: DoAgain) -> None:
    found = again(baseline_run).comparison
    assert (found.differences, found.skipped) == ((), ())
    assert found.same[-1] == "13 predictions"


@pytest.mark.parametrize("model", ["lstm", "baseline/kneser_ney"])
def test_a_language_model(model: str, tiny_text: list[str], tmp_path: Path, again: DoAgain) -> None:
    overrides = [item for item in tiny_text if model == "lstm" or not item.startswith("model.")]
    job = compose_job([*overrides, f"model={model}", f"paths.outputs={tmp_path / 'out'}"])
    execute(job)
    found = again(job.folder).comparison
    assert (found.differences, found.skipped) == ((), ())
    assert any(line.endswith("token losses") for line in found.same)


def test_weights_that_differ_are_found(copied: Path, again: DoAgain) -> None:
    path = copied / "checkpoints" / "best.ckpt"
    content = read_checkpoint(path)
    name = next(iter(content["state_dict"]))
    content["state_dict"][name] = content["state_dict"][name] + 1.0
    write_checkpoint(path, content)
    change_record(copied, weights="0" * 64)
    found = again(copied).comparison
    assert found.differences == (f"weights: 1 of 7 tensors differ, the most by 1 in {name}",)


def test_without_its_checkpoint_the_hash_tells(copied: Path, again: DoAgain) -> None:
    (copied / "checkpoints" / "best.ckpt").unlink()
    assert again(copied).comparison.same[-1] == "weights"
    change_record(copied, weights="0" * 64)
    (line,) = again(copied).comparison.differences
    assert line.startswith("weights: hash 000000000000 then, ") and "best.ckpt to say where" in line


def test_a_record_without_the_hash_needs_its_checkpoint(copied: Path, again: DoAgain) -> None:
    change_record(copied, weights=None)
    assert again(copied).comparison.same[-1] == "weights"
    (copied / "checkpoints" / "best.ckpt").unlink()
    (skipped,) = again(copied).comparison.skipped
    assert skipped.startswith("weights (no ") and skipped.endswith("best.ckpt)")


def test_it_is_not_done_twice(network_run: Path, again: DoAgain) -> None:
    assert not again(network_run).done.was_complete
    second = again(network_run)
    assert second.done.was_complete and second.comparison.equal


def test_a_record_says_how_it_was_computed(network_run: Path, baseline_run: Path) -> None:
    for path in (network_run, baseline_run):
        how = completed_run(path).record.provenance.arithmetic
        assert how is not None
        assert how.cpu_capability == torch.backends.cpu.get_cpu_capability()
        assert (how.threads, how.world_size, how.deterministic) == (1, 1, True)


def change_record(path: Path, **changes: Any) -> None:
    file = path / "record.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
