"""Two runs of the same config: are they the same to the last digit, and if not, where?

Everything a run leaves is compared but what a clock or the rest of the machine has a say in: times,
speed, peak memory. No tolerance: two numbers are the same or they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.records.load import StoredRun
from seqbench.records.metrics import read_metrics
from seqbench.records.predictions import Predictions, read_predictions
from seqbench.records.record import RunRecord
from seqbench.records.schema import to_plain
from seqbench.records.token_losses import TokenLosses, read_token_losses

TIMED = frozenset(
    {
        "train_seconds",
        "setup_seconds",
        "test_seconds",
        "tokens_per_second",
        "peak_memory_bytes",
    }
)
"""Fields of the cost that no two runs share."""

_SHOWN = 3  # values of one part that are told one by one
_LONGEST = 60  # characters of a value

Values = dict[str, Any]
"""Numbers and texts by the path of their keys."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of comparing two runs, each entry a line to be read.

    Attributes:
        same: what is the same.
        differences: what differs, and where first.
        skipped: what one of them lacks, so that it could not be compared.
    """

    same: tuple[str, ...]
    differences: tuple[str, ...]
    skipped: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def compare(first: StoredRun, second: StoredRun) -> Comparison:
    """What two runs share and where they differ; "then" is the first, "now" the second.

    Raises:
        RecordError: a file of one of them cannot be read.
    """
    found = _Findings()
    for part, parts_of in _PARTS.items():
        values, others = (_leaves(parts_of(run.record)) for run in (first, second))
        found.add(part, f"{len(values)} {part}", _differing_values(values, others))
    files: dict[str, Callable[[Path, Path], tuple[str, str]]] = {
        "metrics": _compare_histories,
        "predictions": _compare_predictions,
        "token_losses": _compare_token_losses,
    }
    for attribute, compare_files in files.items():
        paths = [getattr(run.folder, attribute) for run in (first, second)]
        there = [path.exists() for path in paths]
        if all(there):
            found.add(paths[0].name, *compare_files(*paths))
        elif any(there):
            found.skipped.append(f"{paths[0].name} (not in {paths[there.index(False)].parent})")
    return found.comparison()


class _Findings:
    def __init__(self) -> None:
        self.same: list[str] = []
        self.differences: list[str] = []
        self.skipped: list[str] = []

    def add(self, part: str, what: str, difference: str) -> None:
        """A part was compared: `what` it is made of if that is the same, else how it differs."""
        if difference:
            self.differences.append(f"{part}: {difference}")
        elif not what.startswith("0 "):
            self.same.append(what)

    def comparison(self) -> Comparison:
        return Comparison(
            same=tuple(self.same),
            differences=tuple(self.differences),
            skipped=tuple(self.skipped),
        )


def _validation(record: RunRecord) -> Any:
    return {"best_epoch": record.scores.best_epoch, **record.scores.validation}


def _further(record: RunRecord) -> Any:
    scores = record.scores
    return {
        "per_class": scores.per_class,
        "per_length": scores.per_length,
        "confusion": scores.confusion,
        "samples": scores.samples,
    }


def _costs(record: RunRecord) -> Any:
    counts = {key: value for key, value in to_plain(record.cost).items() if key not in TIMED}
    return {**counts, "rollbacks": record.rollbacks}


_PARTS: dict[str, Callable[[RunRecord], Any]] = {
    "test scores": lambda record: record.scores.test,
    "validation scores": _validation,
    "further scores": _further,
    "counts": _costs,
}
"""What a record says of the outcome, in the order in which it is told."""


def _leaves(node: Any, path: str = "") -> Values:
    """The values of nested containers that are there, by path: `per_class.negative.f1`."""
    return dict(_walk(to_plain(node), path))


def _walk(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, item in node.items():
            yield from _walk(item, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for at, item in enumerate(node):
            yield from _walk(item, f"{path}[{at}]")
    elif node is not None:
        yield path, node


def _differing_values(first: Values, second: Values) -> str:
    names = list(dict.fromkeys([*first, *second]))
    unlike = [name for name in names if first.get(name) != second.get(name)]
    told = [f"{name} {_then_now(first.get(name), second.get(name))}" for name in unlike[:_SHOWN]]
    more = len(unlike) - len(told)
    return "; ".join([*told, f"and {more} more of {len(names)}"] if more else told)


def _compare_histories(first: Path, second: Path) -> tuple[str, str]:
    rows, others = (
        [
            {key: value for key, value in row.items() if key != "seconds"}
            for row in read_metrics(path)
        ]
        for path in (first, second)
    )
    what = f"{len(rows)} rows of history"
    pairs = list(zip(rows, others, strict=False))
    unlike = [(row, other) for row, other in pairs if row != other]
    parts = []
    if unlike:
        row, other = unlike[0]
        where = f"the first at step {row.get('step')}"
        parts.append(
            f"{len(unlike)} of {len(pairs)} rows differ, {where}: {_differing_values(row, other)}"
        )
    if len(rows) != len(others):
        parts.append(f"rows {_then_now(len(rows), len(others))}")
    return what, "; ".join(parts)


def _compare_predictions(first: Path, second: Path) -> tuple[str, str]:
    one, other = read_predictions(first), read_predictions(second)
    what = f"{len(one.rows):,} predictions"
    if not _same_examples(one, other):
        return what, "of other examples"
    apart = _apart(one.probabilities, other.probabilities).max(axis=1, initial=0.0)
    unlike = int(np.count_nonzero(apart))
    if not unlike:
        return what, ""
    classes = int(np.count_nonzero(one.predictions != other.predictions))
    return what, (
        f"{unlike:,} of {len(apart):,} rows differ, by up to {apart.max():.3g}; "
        f"{classes:,} of them in the class"
    )


def _same_examples(one: Predictions, other: Predictions) -> bool:
    same = one.texts == other.texts and one.probabilities.shape == other.probabilities.shape
    names = ("rows", "targets", "lengths")
    return same and all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)


def _compare_token_losses(first: Path, second: Path) -> tuple[str, str]:
    one, other = read_token_losses(first), read_token_losses(second)
    what = f"{len(one.losses):,} token losses"
    if not _same_tokens(one, other):
        return what, "of other tokens"
    apart = _apart(one.losses, other.losses)
    unlike = int(np.count_nonzero(apart))
    if not unlike:
        return what, ""
    return what, f"{unlike:,} of {len(apart):,} differ, by up to {apart.max():.3g} nats"


def _same_tokens(one: TokenLosses, other: TokenLosses) -> bool:
    return np.array_equal(one.targets, other.targets)


def _apart(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far each number is from its counterpart: 0 for two NaN, infinitely for one."""
    with np.errstate(invalid="ignore"):  # infinity less infinity
        distance = np.abs(one.astype(np.float64) - other.astype(np.float64))
    unlike = (one != other) & ~(np.isnan(one) & np.isnan(other))
    return np.where(unlike, np.where(np.isnan(distance), np.inf, distance), 0.0)


def _then_now(first: Any, second: Any) -> str:
    return f"{_said(first)} then, {_said(second)} now"


def _said(value: Any) -> str:
    """A value with every digit that it has, a long text cut."""
    if value is None:
        return "nothing"
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
