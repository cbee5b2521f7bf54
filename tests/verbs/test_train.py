"""`seqbench train`: what it prints, and how it ends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seqbench.records.folder import RunFolder
from seqbench.tasks.classification import Classification

Cli = Any


def run_folder(printed: str) -> Path:
    found = re.search(r"^run folder: (.*)$", printed, re.MULTILINE)
    assert found is not None
    return Path(found.group(1))


def test_it_prints_scores_cost_and_place(cli: Cli, tiny: list[str]) -> None:
    ended = cli("train", *tiny, "study=first")
    assert (ended.code, ended.err) == (0, "")
    folder = run_folder(ended.out)
    assert folder.parent == Path("outputs/first")
    record = RunFolder(folder).read_record()
    assert record is not None
    lines = ended.out.splitlines()
    assert lines[0] == record.run_id
    assert lines[1].startswith(f"  test: accuracy {record.scores.test['accuracy']:.4f}, macro_f1")
    assert re.fullmatch(r"  validation: .* \(epoch [12], the best\)", lines[2])
    assert re.fullmatch(
        r"  cost: \d+ parameters, 10 steps, 2 epochs, \d+\.\d s of training, [\d,]+ tokens/s",
        lines[3],
    )
    assert record.overrides == [*tiny, "study=first"]


def test_a_baseline_has_fewer_costs(cli: Cli, tiny: list[str]) -> None:
    overrides = [item for item in tiny if not item.startswith("model.")]
    ended = cli("train", *overrides, "model=baseline/majority")
    assert ended.code == 0
    assert re.search(r"^  cost: 2 parameters, \d+\.\d s of training$", ended.out, re.MULTILINE)


def test_the_same_command_finds_its_record(cli: Cli, tiny: list[str]) -> None:
    first = cli("train", *tiny, "trainer.max_epochs=1")
    again = cli("train", *tiny, "trainer.max_epochs=1")
    assert again.code == 0
    assert again.out == f"complete already; force=true trains it again\n{first.out}"


def test_progress_and_wandbs_mode_are_told_on_stderr(cli: Cli, tiny: list[str]) -> None:
    ended = cli("train", *tiny, "callbacks=default", "logger=wandb", "trainer.max_epochs=1")
    first, second = ended.err.splitlines()
    assert first == "W&B: offline, in each run's folder"
    assert ": epoch 1/1, step 5, " in second


def test_a_training_that_fails_is_a_line_and_exit_code_1(cli: Cli, tiny: list[str]) -> None:
    diverging = ["optimizer=sgd", "optimizer.lr=1e38", "trainer.clip_norm=null"]
    ended = cli("train", *tiny, *diverging)
    assert (ended.code, ended.out) == (1, "")
    assert re.fullmatch(
        r"seqbench: training diverged at step \d+: expected a finite loss, got nan \(.*\); "
        r"lower optimizer\.lr, set trainer\.clip_norm, or .* trainer\.on_divergence=rollback\n",
        ended.err,
    )
    (record,) = Path("outputs").rglob("record.json")
    assert RunFolder(record.parent).read_record().status == "failed"  # type: ignore[union-attr]


def test_ctrl_c_is_exit_code_130(
    cli: Cli, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Classification, "training_step", ctrl_c)
    ended = cli("train", *tiny)
    assert (ended.code, ended.out, ended.err) == (130, "", "seqbench: interrupted\n")
    (record,) = Path("outputs").rglob("record.json")
    assert RunFolder(record.parent).read_record().status == "interrupted"  # type: ignore[union-attr]


def test_the_profile_is_printed(cli: Cli, tiny: list[str]) -> None:
    ended = cli("train", *tiny, "debug=profile")
    assert ended.code == 0
    assert "run_training_batch" in ended.out


def test_two_batches_are_learnt_by_heart(cli: Cli, tiny: list[str]) -> None:
    ended = cli(
        "train", *tiny, "debug=overfit", "trainer.max_epochs=60", "optimizer.lr=0.05",
        "inputs.dropout=0", "task.dropout=0",
    )  # fmt: skip
    assert ended.code == 0
    assert ", accuracy 1.0000" in ended.out
