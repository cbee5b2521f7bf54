"""Files of a run folder with anything in them: read, or named in one line; never a crash."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from hypothesis import strategies as st
from rich.console import Console
from tests.baselines.texts import sign
from tests.e2e.finished import assert_same, finished
from tests.e2e.mutations import (
    HOSTILE,
    Examples,
    byte_mutations,
    few_or_many,
    fuzz,
    tree_mutations,
)
from tests.training.stopping import stopped

from seqbench.config.compose import compose_job
from seqbench.config.job import thaw
from seqbench.errors import RecordError
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.records.predictions import SCHEMA, read_outcomes, read_predictions, read_texts
from seqbench.records.token_losses import read_token_losses
from seqbench.report.terminal import print_report
from seqbench.report.write import write_report
from seqbench.training.checkpoint_file import read_checkpoint
from seqbench.training.execute import execute
from seqbench.training.restore import restore
from seqbench.verbs.publish import dry_run, planned

# Sizes that would be built as they are asked for: memory is the user's own to spend.
MODEST = [value for value in HOSTILE if not isinstance(value, int) or abs(value) < 100]


@pytest.fixture
def study(network_run: Path, baseline_run: Path, tmp_path: Path) -> Iterator[Path]:
    """A study of two runs as they are, and of a third that is to be changed: `hurt`."""
    place = tmp_path / "study"
    shutil.copytree(network_run, place / "whole")
    shutil.copytree(baseline_run, place / "other")
    shutil.copytree(network_run, place / "hurt")
    record = json.loads((place / "hurt" / "record.json").read_text())
    changed = {**record, "seed": 1, "run_id": record["run_id"].replace("-s0-", "-s1-")}
    (place / "hurt" / "record.json").write_text(json.dumps(changed))
    yield place


def told(study: Path) -> None:
    """Everything that reads a whole study."""
    report = write_report(study, study.parent / "report")
    print_report(report.content, Console(file=io.StringIO(), width=100))
    json.loads(report.json.read_text(), parse_constant=_no_constant)
    dry_run(
        planned({"runs": str(study), "project": None, "entity": None, "title": None}), asked=True
    )


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def in_place(path: Path, use: Callable[[], object]) -> Callable[[bytes], object]:
    """Uses a file with other content."""

    def with_content(content: bytes) -> object:
        path.write_bytes(content)
        return use()

    return with_content


def as_json(plain: Any) -> bytes:
    return json.dumps(plain).encode()


@few_or_many(12, 1500)
def test_a_record(examples: Examples, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "record.json"
    valid = path.read_bytes()

    def use() -> None:
        RunFolder(path.parent).read_record()

    def report() -> None:
        told(study)

    many = in_place(path, use)
    fuzz(byte_mutations(valid), many, examples=examples.times(10), tally=tally)
    trees = tree_mutations(json.loads(valid)).map(as_json)
    fuzz(trees, many, examples=examples.times(10), tally=tally)
    fuzz(trees, in_place(path, report), examples=examples.times(1 / 10), tally=tally)
    # A record that is nearly right gets far: only its scores, its costs, its config are not.
    for part in ("scores", "cost", "config"):
        whole = json.loads(valid)
        parts = tree_mutations(whole[part]).map(
            lambda changed, part=part, whole=whole: as_json({**whole, part: changed})
        )
        fuzz(parts, in_place(path, report), examples=examples.times(1 / 10), tally=tally)


@few_or_many(25, 2000)
def test_a_history(examples: Examples, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "metrics.jsonl"
    valid = path.read_bytes()

    def use() -> None:
        read_metrics(path)

    def report() -> None:
        told(study)

    rows = [json.loads(line) for line in valid.splitlines()]
    trees = tree_mutations(rows).map(
        lambda some: (
            b"".join(as_json(row) + b"\n" for row in (some if some else []))
            if isinstance(some, list)
            else as_json(some)
        )
    )
    fuzz(byte_mutations(valid), in_place(path, use), examples=examples, tally=tally)
    fuzz(trees, in_place(path, use), examples=examples, tally=tally)
    fuzz(trees, in_place(path, report), examples=examples.times(1 / 10), tally=tally)


VALUES: dict[str, list[Any]] = {
    "int": [0, 1, 2, 5, -1, 2**31 - 1, None],
    "float": [0.0, 0.5, 1.0, 2.0, -1.0, float("nan"), float("inf"), None],
    "string": ["a", "", "<b>", None],
    "list": [[0.5, 0.5], [], [1.0], [None, 0.5], [float("nan")] * 2, None],
}


@st.composite
def prediction_files(draw: st.DrawFn) -> bytes:
    """Parquet of the right columns, with values that nobody predicted."""
    rows = draw(st.integers(0, 13))
    arrays = []
    for field in SCHEMA:
        kind = next(name for name in ("list", "string", "float", "int") if _is(field.type, name))
        wrong = draw(st.booleans())
        if kind == "string" and rows and draw(st.booleans()):  # bytes that are no Unicode
            offsets = pa.array(range(rows + 1), pa.int32()).buffers()[1]
            buffers = [None, offsets, pa.py_buffer(b"\xff" * rows)]
            arrays.append(pa.StringArray.from_buffers(rows, buffers[1], buffers[2]))
            continue
        usual = {"int": [0, 1], "float": [0.5], "string": ["a"], "list": [[0.5, 0.5]]}
        values = VALUES[kind] if wrong else usual[kind]
        column = draw(st.lists(st.sampled_from(values), min_size=rows, max_size=rows))
        arrays.append(pa.array(column, field.type))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, names=SCHEMA.names), sink)
    return bytes(sink.getvalue())


def _is(kind: pa.DataType, name: str) -> bool:
    return str(kind).startswith({"int": "int", "float": "double"}.get(name, name))


@few_or_many(25, 2000)
def test_predictions(examples: Examples, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "predictions.parquet"
    valid = path.read_bytes()

    def use() -> None:
        for read in (read_predictions, read_outcomes):
            with suppress(RecordError):
                read(path)
        read_texts(path, [0, 1])

    def report() -> None:
        told(study)

    fuzz(byte_mutations(valid), in_place(path, use), examples=examples, tally=tally)
    fuzz(prediction_files(), in_place(path, use), examples=examples, tally=tally)
    fuzz(prediction_files(), in_place(path, report), examples=examples.times(1 / 10), tally=tally)


@few_or_many(25, 2000)
def test_token_losses(examples: Examples, tmp_path: Path, tally: Counter[str]) -> None:
    path = tmp_path / "token_losses.parquet"
    columns = {"row": [0, 1], "target": pa.array([4, 5], pa.int32()), "loss": [0.5, 1.5]}
    table = pa.table(columns)
    pq.write_table(table.set_column(2, "loss", table["loss"].cast(pa.float32())), path)
    valid = path.read_bytes()
    assert read_token_losses(path).losses.tolist() == [0.5, 1.5]
    use = in_place(path, lambda: read_token_losses(path))
    fuzz(byte_mutations(valid), use, examples=examples, tally=tally)


def ask(folder: Path) -> None:
    """What `seqbench predict` does."""
    found = restore(folder).probabilities(["a fine film", ""])
    assert found.shape == (2, 2)


@few_or_many(25, 1000)
def test_a_frozen_config(examples: Examples, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "config.yaml"
    valid = path.read_bytes()

    def thawed() -> None:
        job = thaw(path)
        job.folder.resolve().relative_to(Path(job.config["paths"]["outputs"]).resolve())

    def read() -> None:
        thaw(path)

    plain = yaml.safe_load(valid)
    names = {key: plain[key] for key in ("run_id", "study", "seed", "overrides")}
    fuzz(byte_mutations(valid), in_place(path, read), examples=examples, tally=tally)
    fuzz(
        tree_mutations(names).map(
            lambda some: yaml.safe_dump({**plain, **some} if isinstance(some, dict) else some)
        ).map(str.encode),
        in_place(path, thawed),
        examples=examples,
        tally=tally,
    )  # fmt: skip
    fuzz(
        tree_mutations(plain, MODEST).map(yaml.safe_dump).map(str.encode),
        in_place(path, lambda: ask(path.parent)),
        examples=examples.times(1 / 3),
        tally=tally,
    )


@few_or_many(15, 600)
def test_a_run_s_tokenizer(examples: Examples, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "tokenizer.json"
    valid = path.read_bytes()
    use = in_place(path, lambda: ask(path.parent))
    fuzz(byte_mutations(valid), use, examples=examples, tally=tally)
    trees = tree_mutations(json.loads(valid), MODEST).map(as_json)
    fuzz(trees, use, examples=examples, tally=tally)


@few_or_many(15, 1000)
def test_a_checkpoint(examples: Examples, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "checkpoints" / "best.ckpt"
    valid = path.read_bytes()
    fuzz(
        byte_mutations(valid),
        in_place(path, lambda: read_checkpoint(path)),
        examples=examples.times(10),
        tally=tally,
    )
    fuzz(
        byte_mutations(valid[:-32]).map(_signed),  # damage whose checksum is right
        in_place(path, lambda: ask(path.parent)),
        examples=examples,
        tally=tally,
    )
    content = read_checkpoint(in_place_path(path, valid))

    def forged(changed: Any) -> None:
        sink = io.BytesIO()
        torch.save(changed, sink)
        path.write_bytes(_signed(sink.getvalue()))
        ask(path.parent)

    own = {name: content[name] for name in ("spec", "state_dict")}
    own["state_dict"] = dict(own["state_dict"])
    fuzz(tree_mutations(own, MODEST), forged, examples=examples, tally=tally)


def in_place_path(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _signed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


@few_or_many(15, 600)
@pytest.mark.parametrize("signed", [False, True], ids=["as it is", "signed again"])
def test_a_fitted_baseline(
    signed: bool, examples: Examples, study: Path, tally: Counter[str]
) -> None:
    """Also where its checksum is right: only then is what it says looked at."""
    folder = study / "other" / "checkpoints"
    settings, arrays = folder / "baseline.json", folder / "baseline.npz"
    whole = settings.read_bytes(), arrays.read_bytes()

    def use() -> None:
        if signed:
            # What is no JSON object bears no checksum.
            with suppress(ValueError, LookupError, TypeError, RecursionError):
                sign(folder)
        ask(study / "other")

    use()
    changed = {settings: tree_mutations(json.loads(whole[0]), MODEST).map(as_json),
               arrays: _arrays(whole[1])}  # fmt: skip
    for path, inputs in changed.items():
        for one in (byte_mutations(path.read_bytes()), inputs):
            fuzz(one, in_place(path, use), examples=examples, tally=tally)
            settings.write_bytes(whole[0])
            arrays.write_bytes(whole[1])


def _arrays(valid: bytes) -> st.SearchStrategy[bytes]:
    """Arrays of other shapes and kinds under the same names."""
    with np.load(io.BytesIO(valid)) as file:
        whole = dict(file)

    def saved(changes: dict[str, Any]) -> bytes:
        sink = io.BytesIO()
        np.savez(sink, allow_pickle=False, **{**whole, **changes})
        return sink.getvalue()

    wrong = st.sampled_from(
        [np.zeros(0), np.zeros((3, 3)), np.array(5), np.array(["a"]), np.array([np.nan])]
    )
    return st.dictionaries(st.sampled_from(sorted(whole)), wrong, min_size=1).map(saved)


@few_or_many(6, 60)
def test_an_interrupted_run_s_checkpoint(
    examples: Examples, tiny: list[str], tmp_path: Path, tally: Counter[str]
) -> None:
    """Whatever lies there as `last.ckpt`: the run goes on, or starts afresh, and completes.

    Where the damage is seen it is then the run that was never stopped.
    """
    few = [*tiny, "trainer.max_steps=4", "trainer.checkpoint_every=1e-9"]
    job, calm = (compose_job([*few, f"paths.outputs={tmp_path / each}"]) for each in ("a", "b"))
    execute(calm)
    expected = finished(calm.folder)
    stopped(job, "training_step", 3)
    left = Path(shutil.copytree(job.folder, tmp_path / "left"))

    def complete(content: bytes) -> None:
        shutil.rmtree(job.folder)
        shutil.copytree(left, job.folder)
        (job.folder / "checkpoints" / "last.ckpt").write_bytes(content)
        assert execute(job).record.status == "completed"

    def complete_as_ever(content: bytes) -> None:
        complete(content)
        assert_same(finished(job.folder), expected, tally)

    last = (left / "checkpoints" / "last.ckpt").read_bytes()
    complete_as_ever(last)
    assert "going on from step 3" in (job.folder / "log.txt").read_text()
    fuzz(byte_mutations(last), complete_as_ever, examples=examples, tally=tally)
    signed = byte_mutations(last[:-32]).map(_signed)
    fuzz(signed, complete, examples=examples, tally=tally)
