"""How far runs are, read from their folders alone; so a sweep elsewhere can be watched too."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from seqbench.errors import RecordError
from seqbench.records.claim import is_held
from seqbench.records.folder import RunFolder
from seqbench.records.plain_json import load_json, node
from seqbench.records.provenance import code_hash, versions
from seqbench.records.record import FAILED, READABLE, SCHEMA, STATUSES, RunRecord
from seqbench.records.schema import has_default

if TYPE_CHECKING:
    from seqbench.config.job import Job  # it would bring OmegaConf along

RunState = Literal["completed", "pruned", "failed", "interrupted", "missing", "unreadable"]
_TAIL = 64 * 1024  # bytes of a history's end that are looked at
_NEEDED = frozenset(field.name for field in fields(RunRecord) if not has_default(field))


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """What a run's folder says of it.

    Attributes:
        run_id: the run's.
        folder: where it lies.
        state: its record's status; "missing" without a record, "unreadable" with a bad one.
        held: whether a process has claimed the folder: it runs, whatever an older record says.
        reason: why it did not complete, in one line.
        stale: what changed since a completed or interrupted run was made: "code", "versions".
        data: hash of the data that it was made from.
        metric: the primary test metric's name; None where there is no score.
        score: its value.
        train_seconds: wall time of fitting.
        finished: its end, UTC, ISO 8601.
    """

    run_id: str
    folder: Path
    state: RunState
    held: bool = False
    reason: str = ""
    stale: tuple[str, ...] = ()
    data: str | None = None
    metric: str | None = None
    score: float | None = None
    train_seconds: float | None = None
    finished: str | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a training is, as its history says.

    Attributes:
        epoch: counted from 1; None if the history does not say.
        max_epochs: as configured; None without a limit, or with a budget in its place.
        step: optimizer steps so far.
        planned_steps: optimizer steps at most, about so many where a budget ends the training;
            None if unknown.
        metric: name of the validation metric, e.g. "accuracy"; None before the first validation.
        value: its newest value; None if it was not finite.
        seconds: of training so far.
        eta_seconds: of training left at most; None if unknown.
    """

    epoch: int | None = None
    max_epochs: int | None = None
    step: int = 0
    planned_steps: int | None = None
    metric: str | None = None
    value: float | None = None
    seconds: float = 0.0
    eta_seconds: float | None = None

    @property
    def fraction(self) -> float | None:
        """The part of the planned steps that is done; None if it is unknown."""
        return None if not self.planned_steps else min(self.step / self.planned_steps, 1.0)


def survey(jobs: Sequence[Job]) -> list[RunStatus]:
    """The status of each job, in their order; a bad record is a status, not an error.

    A record that did not change since an earlier survey is not read again.
    """
    return [_status(job.run_id, RunFolder(job.folder)) for job in jobs]


def progress(
    folder: Path, config: Mapping[str, Any], *, now: float | None = None
) -> Progress | None:
    """How far a run is that is training now; None before its history begins.

    Args:
        folder: the run folder.
        config: the run's.
        now: seconds since 1970; the present by default.
    """
    run = RunFolder(folder)
    try:
        first, newest_first, written = _history(run.metrics)
    except OSError:
        return None
    row = next(newest_first, None)
    if row is None:
        return None
    # A run that goes on: what lies between its tries is not training.
    since = max(written, _modified(run.lock))
    idle = max((time.time() if now is None else now) - since, 0.0)
    done, step = _number(row.get("seconds")) or 0.0, int(_number(row.get("step")) or 0)
    planned = _planned_steps(first, row)
    epoch = _number(row.get("epoch"))
    limit = None if _ends_by_budget(config) else _number(node(config, "trainer").get("max_epochs"))
    metric, value = _validation(row, newest_first)
    return Progress(
        epoch=None if epoch is None else int(epoch) + 1,
        max_epochs=None if limit is None else int(limit),
        step=step,
        planned_steps=planned,
        metric=metric,
        value=value,
        seconds=done + idle,
        eta_seconds=max(done / step * planned - done - idle, 0.0) if step and planned else None,
    )


def _planned_steps(first: Mapping[str, Any], row: Mapping[str, Any]) -> int | None:
    """As the history's first row says; with a budget it is what its share so far makes them."""
    step, share = _number(row.get("step")), _number(row.get("budget/share"))
    if step and share:
        return max(round(step / share), int(step))
    return int(_number(first.get("planned/steps")) or 0) or None


def _ends_by_budget(config: Mapping[str, Any]) -> bool:
    budget = node(config, "budget")
    return any(budget.get(key) is not None for key in ("flops", "seconds"))


@dataclass(frozen=True, kw_only=True)
class _Glance:
    """What a sweep needs of a record."""

    status: RunState
    reason: str
    is_of_other_code: bool
    versions: Mapping[str, str]
    data: str | None
    metric: str | None
    score: float | None
    train_seconds: float | None
    finished: str | None


def _status(run_id: str, folder: RunFolder) -> RunStatus:
    # Asked before the record is looked at: a run that ends in between is a completed one.
    held = is_held(folder.lock)
    try:
        found = os.stat(folder.record)
        glance = _glance(folder.record, (found.st_mtime_ns, found.st_size, found.st_ino))
    except FileNotFoundError:
        return RunStatus(run_id=run_id, folder=folder.path, state="missing", held=held)
    except (OSError, RecordError) as error:
        reason = _line(error.line() if isinstance(error, RecordError) else error)
        return RunStatus(
            run_id=run_id, folder=folder.path, state="unreadable", held=held, reason=reason
        )
    return RunStatus(
        run_id=run_id,
        folder=folder.path,
        state=glance.status,
        held=held,
        reason=glance.reason,
        stale=() if glance.status == FAILED else _stale(glance),
        data=glance.data,
        metric=glance.metric,
        score=glance.score,
        train_seconds=glance.train_seconds,
        finished=glance.finished,
    )


@functools.lru_cache(maxsize=20_000)
def _glance(path: Path, stamp: tuple[int, int, int]) -> _Glance:
    """The record at `path`; `stamp` changes whenever it is replaced.

    Raises:
        RecordError: it cannot be read, or is not a record of this schema.
    """
    plain = _record(path)
    error, provenance = node(plain, "error"), node(plain, "provenance")
    scores, cost = node(plain, "scores"), node(plain, "cost")
    metric = str(node(scores, "primary").get("name"))
    return _Glance(
        status=cast(RunState, plain["status"]),
        reason=_line(f"{error.get('type')}: {error.get('message')}") if error else "",
        is_of_other_code=provenance.get("code") != code_hash(node(plain, "config")),
        versions=node(provenance, "versions"),
        data=provenance.get("data_fingerprint"),
        metric=metric if metric in node(scores, "test") else None,
        score=_number(node(scores, "test").get(metric)),
        train_seconds=_number(cost.get("train_seconds")),
        finished=provenance.get("finished"),
    )


def _record(path: Path) -> dict[str, Any]:
    try:
        plain = load_json(path.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise RecordError(str(path), expected="a record in JSON", got=_line(error)) from error
    if not isinstance(plain, dict):
        raise RecordError(str(path), expected="an object", got=type(plain).__name__)
    if plain.get("schema") not in READABLE:
        remedy = "read it with the version of seqbench that wrote it, or run it again"
        got = f"schema {plain.get('schema')}"
        raise RecordError(str(path), expected=f"schema {SCHEMA}", got=got, remedy=remedy)
    missing = sorted(_NEEDED - plain.keys())
    if missing:
        raise RecordError(str(path), expected="a whole record", got=f"missing {', '.join(missing)}")
    if plain["status"] not in STATUSES:
        got = repr(plain["status"])
        raise RecordError(f"{path}, status", expected=f"one of {STATUSES}", got=got)
    return plain


def _stale(glance: _Glance) -> tuple[str, ...]:
    present = {name: version for name, version in versions().items() if name != "seqbench"}
    # Of seqbench itself the code's hash says more.
    past = {name: version for name, version in glance.versions.items() if name != "seqbench"}
    changed = {"code": glance.is_of_other_code, "versions": past != present}
    return tuple(what for what, differs in changed.items() if differs)


def _history(path: Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]], float]:
    """The first row, the last ones from the newest on, and when the file was written."""
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        first = _row(file.readline(_TAIL))
        file.seek(max(found.st_size - _TAIL, 0))
        lines = file.read(_TAIL).split(b"\n")
    rows = (row for line in reversed(lines) if (row := _row(line)))  # torn ends are no rows
    return first, rows, found.st_mtime


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = load_json(line.decode())
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _validation(
    newest: Mapping[str, Any], older: Iterator[dict[str, Any]]
) -> tuple[str | None, float | None]:
    """Name and newest value of the first validation metric but the loss; of the loss if alone."""
    row: Mapping[str, Any] | None = newest
    while row is not None:
        names = [name for name in row if name.startswith("validation/")]
        if names:
            name = next((name for name in names if name != "validation/loss"), names[0])
            return name.removeprefix("validation/"), _number(row[name])
        row = next(older, None)
    return None, None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _line(text: object) -> str:
    return " ".join(str(text).split())
