from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.errors import RecordError
from seqbench.records.comparison import TIMED, Comparison, compare
from seqbench.records.folder import RunFolder
from seqbench.records.load import StoredRun
from seqbench.records.metrics import MetricsWriter
from seqbench.records.predictions import Predictions, write_predictions
from seqbench.records.record import Cost, Rollback, RunRecord
from seqbench.records.token_losses import TokenLosses, write_token_losses

Make = Callable[..., StoredRun]
PROBABILITIES = [[0.75, 0.25], [0.5, 0.5], [0.125, 0.875]]


@pytest.fixture
def make(tmp_path: Path, record: RunRecord) -> Make:
    """Makes a run of a classifier with its files; each change makes it another one."""

    def make(
        name: str,
        *,
        changed: Callable[[RunRecord], RunRecord] = lambda record: record,
        rows: list[dict[str, Any]] | None = None,
        probabilities: list[list[float]] = PROBABILITIES,
        targets: tuple[int, ...] = (0, 1, 1),
    ) -> StoredRun:
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir()
        with MetricsWriter(folder.metrics) as writer:
            for number, values in enumerate(rows or [{"train/loss": 0.5}, {"train/loss": 0.25}]):
                seconds = float(len(name) + number)  # never the same twice
                writer.write(step=number, epoch=0, seconds=seconds, tokens=8, values=values)
        write_predictions(
            folder.predictions,
            Predictions(
                rows=np.arange(3),
                targets=np.array(targets),
                lengths=np.ones(3, dtype=np.int32),
                probabilities=np.array(probabilities),
            ),
        )
        return StoredRun(folder=folder, record=changed(record))

    return make


def test_the_same_run(make: Make) -> None:
    found = compare(make("a"), make("other"))
    assert found == Comparison(
        same=(
            "2 test scores", "2 validation scores", "11 further scores", "2 counts",
            "2 rows of history", "3 predictions",
        ),
        differences=(),
        skipped=(),
    )  # fmt: skip
    assert found.equal


@pytest.mark.parametrize("name", sorted(TIMED))
def test_what_a_clock_says_does_not_count(name: str, make: Make) -> None:
    def later(record: RunRecord) -> RunRecord:
        return replace(record, cost=replace(record.cost, **{name: 99}), study="other")

    assert compare(make("a"), make("b", changed=later)).equal


def test_every_field_of_the_cost_is_compared_or_timed(make: Make, record: RunRecord) -> None:
    for number, name in enumerate(sorted(set(Cost.__dataclass_fields__) - TIMED)):
        found = compare(
            make(f"a{number}"),
            make(
                f"b{number}",
                changed=lambda r, name=name: replace(r, cost=replace(r.cost, **{name: 99})),
            ),
        )
        (line,) = found.differences
        then = getattr(record.cost, name)
        assert line == f"counts: {name} {'nothing' if then is None else then} then, 99 now"


def scores(**changes: Any) -> Callable[[RunRecord], RunRecord]:
    return lambda record: replace(record, scores=replace(record.scores, **changes))


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            scores(test={"accuracy": 0.25000000000000006, "loss": 1.0}),
            "test scores: accuracy 0.25 then, 0.25000000000000006 now",
        ),
        (scores(test={"accuracy": 0.25}), "test scores: loss 1.0 then, nothing now"),
        (scores(best_epoch=0), "validation scores: best_epoch 2 then, 0 now"),
        (
            scores(validation={"accuracy": None}),
            "validation scores: accuracy 0.5 then, nothing now",
        ),
        (
            scores(per_class={"a": {"f1": 0.25}}),
            "further scores: per_class.a.f1 0.5 then, 0.25 now",
        ),
        (
            lambda record: replace(
                record, rollbacks=[Rollback(diverged_at=5, back_to=3, learning_rate_scale=0.5)]
            ),
            "counts: rollbacks[0].diverged_at nothing then, 5 now; "
            "rollbacks[0].back_to nothing then, 3 now; "
            "rollbacks[0].learning_rate_scale nothing then, 0.5 now",
        ),
    ],
)
def test_a_score_that_differs_is_named_with_every_digit(
    changed: Callable[[RunRecord], RunRecord], line: str, make: Make
) -> None:
    found = compare(make("a"), make("b", changed=changed))
    assert found.differences == (line,)
    assert not found.equal


def test_of_many_values_the_first_are_told(make: Make) -> None:
    many, others = ({f"x{n}": {"f1": n + add} for n in range(9)} for add in (0.0, 0.5))
    found = compare(
        make("a", changed=scores(per_class=many)), make("b", changed=scores(per_class=others))
    )
    (line,) = found.differences
    assert line.endswith("per_class.x2.f1 2.0 then, 2.5 now; and 6 more of 19")


def test_a_history_that_differs(make: Make) -> None:
    rows = [{"train/loss": 0.5}, {"train/loss": 0.125}]
    found = compare(make("a"), make("b", rows=rows))
    assert found.differences == (
        "metrics.jsonl: 1 of 2 rows differ, the first at step 1: train/loss 0.25 then, 0.125 now",
    )
    found = compare(make("c"), make("d", rows=rows[:1]))
    assert found.differences == ("metrics.jsonl: rows 2 then, 1 now",)


def test_a_loss_that_was_nan_twice_is_the_same(make: Make) -> None:
    rows = [{"train/loss": float("nan")}]
    assert compare(make("a", rows=rows), make("b", rows=rows)).equal
    assert not compare(make("c", rows=rows), make("d", rows=[{"train/loss": 0.0}])).equal


def test_predictions_that_differ(make: Make) -> None:
    found = compare(make("a"), make("b", probabilities=[[0.75, 0.25], [0.25, 0.75], [0.25, 0.75]]))
    assert found.differences == (
        "predictions.parquet: 2 of 3 rows differ, by up to 0.25; 1 of them in the class",
    )
    found = compare(make("c"), make("d", targets=(1, 1, 1)))
    assert found.differences == ("predictions.parquet: of other examples",)


def test_a_probability_that_is_no_number(make: Make) -> None:
    nan = [[0.75, 0.25], [0.5, float("nan")], [0.125, 0.875]]
    assert compare(make("a", probabilities=nan), make("b", probabilities=nan)).equal
    (line,) = compare(make("c"), make("d", probabilities=nan)).differences
    assert "1 of 3 rows differ, by up to inf" in line


@pytest.mark.parametrize(
    ("losses", "targets", "line"),
    [
        ([0.5, 0.25], [3, 4], None),
        ([0.5, 0.5], [3, 4], "token_losses.parquet: 1 of 2 differ, by up to 0.25 nats"),
        ([0.5, 0.25], [3, 5], "token_losses.parquet: of other tokens"),
        ([0.5], [3], "token_losses.parquet: of other tokens"),
    ],
)
def test_token_losses(losses: list[float], targets: list[int], line: str, make: Make) -> None:
    runs = make("a"), make("b")
    for run, values, ids in zip(runs, ([0.5, 0.25], losses), ([3, 4], targets), strict=True):
        tokens = TokenLosses(
            losses=np.array(values, dtype=np.float32), targets=np.array(ids, dtype=np.int32)
        )
        write_token_losses(run.folder.token_losses, tokens)
    found = compare(*runs)
    assert found.differences == ((line,) if line else ())
    assert ("2 token losses" in found.same) == found.equal


def test_a_record_by_itself_is_compared_as_far_as_it_goes(make: Make) -> None:
    alone = make("a")
    alone.folder.metrics.unlink()
    alone.folder.predictions.unlink()
    found = compare(alone, make("b"))
    assert found.equal
    where = alone.folder.path
    assert found.skipped == (
        f"metrics.jsonl (not in {where})",
        f"predictions.parquet (not in {where})",
    )


def test_a_file_that_cannot_be_read(make: Make) -> None:
    broken = make("a")
    broken.folder.predictions.write_text("no parquet")
    with pytest.raises(RecordError, match=r"predictions\.parquet: expected the predictions"):
        compare(broken, make("b"))
