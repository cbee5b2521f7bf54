"""`seqbench train from=…`: what it prints, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.records.folder import RunFolder

Cli = Any
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def recorded(network_run: Path, tmp_path: Path) -> Path:
    """A completed run in a study called "mine", below another folder than `outputs`."""
    return Path(shutil.copytree(network_run, tmp_path / "kept" / "mine" / network_run.name))


@pytest.fixture
def here(cache_dir: Path) -> str:
    return f"paths.cache={cache_dir}"


def change(path: Path, how: Change) -> None:
    file = path / "record.json"
    plain = json.loads(file.read_text())
    how(plain)
    file.write_text(json.dumps(plain))


def test_an_equal_run_is_exit_code_0(cli: Cli, recorded: Path, here: str) -> None:
    before = {path: path.read_bytes() for path in recorded.rglob("*") if path.is_file()}
    ended = cli("train", f"from={recorded / 'record.json'}", here)
    assert ended.code == 0
    folder = Path("outputs/default-again") / recorded.name
    assert ended.err == f"run {recorded.name} of {recorded} again, in {folder}\n"
    assert ended.out.splitlines()[-2:] == [
        f"run folder: {folder}",
        f"equal to {recorded}: 4 test scores, 5 validation scores, 34 further scores, 7 counts, "
        "9 rows of history, 13 predictions, weights",
    ]
    record = RunFolder(folder).read_record()
    assert record is not None and record.study == "default-again"
    assert {path: path.read_bytes() for path in before} == before


def test_done_again_already(cli: Cli, recorded: Path, here: str) -> None:
    first = cli("train", f"from={recorded}", here)
    second = cli("train", f"from={recorded}", here)
    assert second.out == f"done again already; force=true trains it once more\n{first.out}"
    stamp = (Path("outputs/default-again") / recorded.name / "record.json").stat().st_mtime_ns
    third = cli("train", f"from={recorded}", here, "force=true")
    assert (third.code, "done again" in third.out) == (0, False)
    again = (Path("outputs/default-again") / recorded.name / "record.json").stat().st_mtime_ns
    assert again > stamp


def test_a_run_that_differs_is_exit_code_1_and_says_where(
    cli: Cli, recorded: Path, here: str
) -> None:
    change(recorded, lambda plain: plain["scores"]["test"].update(accuracy=0.125))
    rows = (recorded / "metrics.jsonl").read_text().replace("train/loss", "train/lost", 1)
    (recorded / "metrics.jsonl").write_text(rows)
    ended = cli("train", f"from={recorded}", here)
    assert ended.code == 1
    lines = ended.out.splitlines()
    at = lines.index(f"different from {recorded}:")
    assert re.fullmatch(r"  test scores: accuracy 0\.125 then, 0\.\d+ now", lines[at + 1])
    assert re.match(r"  metrics\.jsonl: 1 of 9 rows differ, the first at step 2: ", lines[at + 2])
    assert lines[at + 3].startswith("the same: 5 validation scores, ")
    assert lines[at + 4:] == [
        "nothing that the records know of explains it: the same code, versions, data, machine"
    ]  # fmt: skip


def test_what_explains_a_difference_is_told_before_and_after(
    cli: Cli, recorded: Path, here: str
) -> None:
    def elsewhere(plain: dict[str, Any]) -> None:
        plain["provenance"]["versions"]["torch"] = "1.0"
        plain["provenance"]["arithmetic"]["cpu_capability"] = "AVX512"
        plain["cost"]["parameters"] += 1

    change(recorded, elsewhere)
    ended = cli("train", f"from={recorded}", here)
    assert ended.code == 1
    assert re.search(r"^not as it was: torch 1\.0 then, \S+ now$", ended.err, re.MULTILINE)
    why = ended.out.partition("what explains it:\n")[2].splitlines()
    assert re.fullmatch(r"  torch 1\.0 then, \S+ now", why[0])
    assert re.fullmatch(r"  cpu capability AVX512 then, \S+ now", why[1])


def test_an_equal_run_of_another_version_says_so(cli: Cli, recorded: Path, here: str) -> None:
    change(recorded, lambda plain: plain["provenance"].update(code="0" * 12))
    ended = cli("train", f"from={recorded}", here)
    assert ended.code == 0
    assert re.search(r"^although other: code 000000000000 then, \w+ now$", ended.out, re.MULTILINE)


def test_chance_explains_what_was_not_deterministic(
    cli: Cli, tiny: list[str], tmp_path: Path, here: str
) -> None:
    outputs = f"paths.outputs={tmp_path / 'kept'}"
    assert cli("train", *tiny, "trainer.deterministic=false", outputs).code == 0
    (record,) = (tmp_path / "kept").rglob("record.json")
    change(record.parent, lambda plain: plain["cost"].update(parameters=1))
    ended = cli("train", f"from={record}", here)
    assert ended.out.splitlines()[-1] == (
        "what explains it: trainer.deterministic=false lets operations differ each time"
    )


def test_other_data_is_told_of_before_training(
    cli: Cli, tiny: list[str], reviews: Path, tmp_path: Path, here: str
) -> None:
    files = shutil.copytree(reviews, tmp_path / "mine")
    own = [item.replace(str(reviews), str(files)) for item in tiny]
    assert (
        cli("train", *own, "trainer.max_epochs=1", f"paths.outputs={tmp_path / 'kept'}").code == 0
    )
    (record,) = (tmp_path / "kept").rglob("record.json")
    with (files / "train.csv").open("a") as file:
        file.write("a warm and bright plot,good\n")
    ended = cli("train", f"from={record}", here, "logger=none")
    assert ended.code == 1
    assert re.search(
        r"^seqbench: the data is not that of the record \(fingerprint \w+ then, \w+ now\): "
        r"the results cannot be equal$",
        ended.err,
        re.MULTILINE,
    )
    assert re.search(r"^  data \w+ then, \w+ now$", ended.out, re.MULTILINE)


def test_data_that_is_gone(cli: Cli, tiny: list[str], reviews: Path, tmp_path: Path) -> None:
    files = shutil.copytree(reviews, tmp_path / "mine")
    own = [item.replace(str(reviews), str(files)) for item in tiny]
    assert (
        cli("train", *own, "trainer.max_epochs=1", f"paths.outputs={tmp_path / 'kept'}").code == 0
    )
    (record,) = (tmp_path / "kept").rglob("record.json")
    shutil.rmtree(files)
    ended = cli("train", f"from={record}", f"paths.cache={tmp_path / 'fresh'}")
    assert ended.code == 2
    assert re.search(r"^seqbench: .*train\.csv", ended.err, re.MULTILINE)
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimizer.lr=1"], r"optimizer\.lr: expected nothing beside from=… but paths"),
        (["study=../elsewhere"], r"study: expected a name for a folder below paths\.outputs"),
        (["nonsense=1"], r"nonsense: expected a key of|nonsense: expected one of"),
    ],
)
def test_what_may_not_be_said_beside_it(
    overrides: list[str], message: str, cli: Cli, recorded: Path, here: str
) -> None:
    ended = cli("train", f"from={recorded}", here, *overrides)
    assert (ended.code, ended.out) == (2, "")
    assert re.search(message, ended.err)
    assert not Path("outputs").exists()


SPOILED: dict[str, tuple[Change, str]] = {
    "schema": (lambda plain: plain.update(schema=1), "expected schema 4, got schema 1"),
    "no record": (lambda plain: plain.clear(), "expected the fields schema"),
    "failed": (lambda plain: plain.update(status="failed"), "expected a completed run"),
    "model": (
        lambda plain: plain["config"]["model"].update(_target_="nowhere.Encoder"),
        "config.model._target_: expected a module that can be imported",
    ),
    "config": (lambda plain: plain["config"].update(seed=5), "expected the config of run"),
    "study": (lambda plain: plain.update(study="../x"), "study: expected"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_record_that_cannot_be_done_again(name: str, cli: Cli, recorded: Path, here: str) -> None:
    how, message = SPOILED[name]
    change(recorded, how)
    ended = cli("train", f"from={recorded}", here)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert not Path("outputs").exists()


def test_no_such_file(cli: Cli, tmp_path: Path) -> None:
    ended = cli("train", f"from={tmp_path / 'nothing' / 'record.json'}")
    assert (ended.code, ended.out) == (2, "")
    assert "expected the folder of a completed run" in ended.err


def test_a_sweep_does_no_run_again(cli: Cli, recorded: Path) -> None:
    ended = cli("train", "-m", f"from={recorded}")
    assert ended.code == 2 and ended.err.startswith("seqbench: from: expected")
