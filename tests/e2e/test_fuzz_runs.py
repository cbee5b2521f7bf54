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
from tests.e2e.mutations import HOSTILE, byte_mutations, few_or_many, fuzz, tree_mutations

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
def test_a_record(examples: int, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "record.json"
    valid = path.read_bytes()

    def use() -> None:
        RunFolder(path.parent).read_record()

    def report() -> None:
        told(study)

    many = in_place(path, use)
    fuzz(byte_mutations(valid), many, examples=10 * examples, tally=tally)
    trees = tree_mutations(json.loads(valid)).map(as_json)
    fuzz(trees, many, examples=10 * examples, tally=tally)
    fuzz(trees, in_place(path, report), examples=max(4, examples // 10), tally=tally)
    # A record that is nearly right gets far: only its scores, its costs, its config are not.
    for part in ("scores", "cost", "config"):
        whole = json.loads(valid)
        parts = tree_mutations(whole[part]).map(
            lambda changed, part=part, whole=whole: as_json({**whole, part: changed})
        )
        fuzz(parts, in_place(path, report), examples=max(4, examples // 10), tally=tally)


@few_or_many(25, 2000)
def test_a_history(examples: int, study: Path, tally: Counter[str]) -> None:
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
    fuzz(trees, in_place(path, report), examples=max(4, examples // 10), tally=tally)


VALUES: dict[str, list[Any]] = {
    "int": [0, 1, 2, 5, -1, 2**31 - 1, None],
    "float": [0.0, 0.5, 1.0, 2.0, -1.0, float("nan"), float("inf"), None],
    "string": ["a", "", "<b>", None, b"\xff"],
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
        if kind == "string" and wrong and rows:  # bytes that are no Unicode, as they are
            offsets = pa.array(range(rows + 1), pa.int32()).buffers()[1]
            buffers = [None, offsets, pa.py_buffer(b"\xff" * rows)]
            arrays.append(pa.StringArray.from_buffers(rows, buffers[1], buffers[2]))
            continue
        usual = {"int": [0, 1], "float": [0.5], "string": ["a"], "list": [[0.5, 0.5]]}
        values = VALUES[kind][: -1 if kind == "string" else None] if wrong else usual[kind]
        column = draw(st.lists(st.sampled_from(values), min_size=rows, max_size=rows))
        arrays.append(pa.array(column, field.type))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, names=SCHEMA.names), sink)
    return bytes(sink.getvalue())


def _is(kind: pa.DataType, name: str) -> bool:
    return str(kind).startswith({"int": "int", "float": "double"}.get(name, name))


@few_or_many(25, 2000)
def test_predictions(examples: int, study: Path, tally: Counter[str]) -> None:
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
    fuzz(prediction_files(), in_place(path, report), examples=max(4, examples // 10), tally=tally)


@few_or_many(25, 2000)
def test_token_losses(examples: int, tmp_path: Path, tally: Counter[str]) -> None:
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
def test_a_frozen_config(examples: int, study: Path, tally: Counter[str]) -> None:
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
        examples=max(8, examples // 4),
        tally=tally,
    )


@few_or_many(15, 600)
def test_a_run_s_tokenizer(examples: int, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "tokenizer.json"
    valid = path.read_bytes()
    use = in_place(path, lambda: ask(path.parent))
    fuzz(byte_mutations(valid), use, examples=examples, tally=tally)
    trees = tree_mutations(json.loads(valid), MODEST).map(as_json)
    fuzz(trees, use, examples=examples, tally=tally)


@few_or_many(15, 1000)
def test_a_checkpoint(examples: int, study: Path, tally: Counter[str]) -> None:
    path = study / "hurt" / "checkpoints" / "best.ckpt"
    valid = path.read_bytes()
    fuzz(
        byte_mutations(valid),
        in_place(path, lambda: read_checkpoint(path)),
        examples=10 * examples,
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
def test_a_fitted_baseline(examples: int, study: Path, tally: Counter[str]) -> None:
    for name in ("baseline.json", "baseline.npz"):
        path = study / "other" / "checkpoints" / name
        valid = path.read_bytes()
        use = in_place(path, lambda: ask(study / "other"))
        use(valid)
        fuzz(byte_mutations(valid), use, examples=examples, tally=tally)
        if name.endswith("json"):
            trees = tree_mutations(json.loads(valid), MODEST).map(as_json)
            fuzz(trees, use, examples=examples, tally=tally)
        else:
            fuzz(_arrays(valid), use, examples=examples, tally=tally)
        path.write_bytes(valid)


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
    examples: int, tiny: list[str], tmp_path: Path, tally: Counter[str]
) -> None:
    """Whatever lies there as `last.ckpt`: the run goes on, or starts afresh, and completes."""
    job = compose_job([*tiny, "trainer.max_steps=2", f"paths.outputs={tmp_path}"])

    def use(content: bytes) -> None:
        (job.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        (job.folder / "record.json").unlink(missing_ok=True)
        (job.folder / "checkpoints" / "last.ckpt").write_bytes(content)
        assert execute(job).record.status == "completed"

    assert execute(job).record.status == "completed"
    best = (job.folder / "checkpoints" / "best.ckpt").read_bytes()
    signed = byte_mutations(best[:-32]).map(_signed)
    fuzz(byte_mutations(best) | signed, use, examples=examples, tally=tally)
