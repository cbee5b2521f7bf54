from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from seqbench.errors import RecordError
from seqbench.records import record as schema
from seqbench.records.record import Budget, Cost, RunError, RunRecord, Scores


def test_round_trip_through_json(record: RunRecord) -> None:
    assert RunRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_a_failed_run_round_trips(record: RunRecord) -> None:
    error = RunError(type="TrainingError", message="the loss is not finite")
    failed = replace(record, status="failed", error=error, cost=Cost(), scores=Scores())
    assert RunRecord.from_dict(failed.to_dict()) == failed


def test_numbers_that_json_does_not_know_are_null(record: RunRecord) -> None:
    scores = Scores(test={"loss": float("nan"), "accuracy": float("inf")})
    plain = replace(record, scores=scores).to_dict()
    assert plain["scores"]["test"] == {"loss": None, "accuracy": None}


def test_every_field_is_documented() -> None:
    classes = [value for value in vars(schema).values() if is_dataclass(value)]
    assert len(classes) == 13
    for cls in classes:
        documented = re.findall(r"^ {8}(\w+): ", cls.__doc__ or "", flags=re.MULTILINE)
        assert documented == [field.name for field in fields(cls)], cls.__name__


def test_numbers_of_numpy_become_plain_and_tensors_are_refused(record: RunRecord) -> None:
    cost = Cost(steps=np.int64(3), train_seconds=np.float32(0.5))  # type: ignore[arg-type]
    plain = json.loads(json.dumps(replace(record, cost=cost).to_dict()))
    assert plain["cost"]["steps"] == 3 and plain["cost"]["train_seconds"] == 0.5
    with pytest.raises(TypeError, match=r"a record cannot hold .* of type object"):
        replace(record, config={"x": object()}).to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(extra=1), r"x\.json: expected the fields schema, .* got unknown extra"),
        (lambda d: d.pop("seed"), r"got missing seed"),
        (lambda d: d["cost"].pop("steps"), r"x\.json\.cost: .* got missing steps"),
        (lambda d: d.update(seed="0"), r"x\.json\.seed: expected int, got '0'"),
        (lambda d: d.update(seed=True), r"x\.json\.seed: expected int, got True"),
        (
            lambda d: d["scores"]["per_length"][0].update(n=None),
            r"per_length\[0\]\.n: expected int",
        ),
        (
            lambda d: d["scores"]["test"].update(loss="low"),
            r"test\.loss: expected float, got 'low'",
        ),
        (lambda d: d.update(provenance=[]), r"provenance: expected an object, got list"),
        (lambda d: d.update(schema=99), r"expected schema 4, got schema 99; .*version of seqbench"),
        (lambda d: d.update(status="done"), r"status: expected one of .*'completed'.*, got 'done'"),
    ],
)
def test_what_is_wrong_is_named(record: RunRecord, change, message: str) -> None:
    plain = record.to_dict()
    change(plain)
    with pytest.raises(RecordError, match=message):
        RunRecord.from_dict(plain, "x.json")


def test_integers_are_read_where_floats_are_meant(record: RunRecord) -> None:
    plain = record.to_dict()
    plain["cost"]["train_seconds"] = 2
    seconds = RunRecord.from_dict(plain).cost.train_seconds
    assert seconds == 2.0 and isinstance(seconds, float)


def test_a_budget_round_trips(record: RunRecord) -> None:
    budget = Budget(
        params=500_000, embeddings="excluded", widths={"d_hidden": 181}, params_reached=499_812,
        flops=1e12, flops_reached=1.001e12, seconds=None, seconds_reached=31.5, used_up=True,
        reproducible=True,
    )  # fmt: skip
    found = replace(record, budget=budget)
    assert RunRecord.from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize("schema", [2, 3])
def test_a_record_of_an_earlier_schema_lacks_what_was_not_recorded_then(
    record: RunRecord, schema: int
) -> None:
    plain = record.to_dict()
    plain["schema"] = schema
    del plain["budget"]
    if schema == 2:
        del plain["weights"], plain["rollbacks"], plain["provenance"]["arithmetic"]
    assert RunRecord.from_dict(plain) == record
    del plain["provenance"]["cpu"]
    with pytest.raises(RecordError, match=r"provenance: .* got missing cpu"):
        RunRecord.from_dict(plain)


def test_a_record_of_this_schema_is_whole(record: RunRecord) -> None:
    plain = record.to_dict()
    del plain["weights"]
    with pytest.raises(RecordError, match=r"got missing weights"):
        RunRecord.from_dict(plain)
