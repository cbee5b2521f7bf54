"""`seqbench evaluate`: the record's scores once more, and scores on other files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqbench.records.folder import RunFolder

Cli = Any


def printed_scores(out: str) -> dict[str, str]:
    pairs = [line.split() for line in out.splitlines()]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


@pytest.mark.parametrize("name", ["network_run", "baseline_run"])
def test_the_test_split_and_its_file_give_the_records_scores(
    name: str, cli: Cli, reviews: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(name)
    record = RunFolder(folder).read_record()
    assert record is not None
    recorded = {key: f"{value:.4f}" for key, value in record.scores.test.items()}
    split = cli("evaluate", f"run={folder}")
    file = cli("evaluate", f"run={folder}", f"file={reviews / 'test.csv'}")
    for ended, where in ((split, "test"), (file, reviews / "test.csv")):
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith(f"{record.run_id} on {where}: 13 examples\n")
        assert printed_scores(ended.out) == recorded
    support = [line.split()[-1] for line in split.out.splitlines()[-2:]]
    assert support == ["7", "6"]


def test_another_split(cli: Cli, network_run: Path) -> None:
    ended = cli("evaluate", f"run={network_run}", "split=validation")
    assert " on validation: 11 examples\n" in ended.out


def test_other_columns(cli: Cli, network_run: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("review,verdict\na fine plot,good\n")
    ended = cli(
        "evaluate", f"run={network_run}", "file=other.csv", "text_column=review",
        "label_column=verdict",
    )  # fmt: skip
    assert ended.code == 0
    assert " on other.csv: 1 examples\n" in ended.out


def test_a_long_text_is_cut_as_in_training(
    cli: Cli, network_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "long.csv").write_text(f"text,label\n{'fine ' * 100_000},good\n")
    ended = cli("evaluate", f"run={network_run}", "file=long.csv")
    assert ended.code == 0
    assert caplog.messages == ["1 of 1 texts cut to their first 256 tokens"]


def test_caches_are_this_machines_not_the_runs(cli: Cli, network_run: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert cli("evaluate", f"run={network_run}", f"paths.cache={cache}").code == 0
    assert any((cache / "tokens").iterdir())
