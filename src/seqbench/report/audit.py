"""What to know of the runs before trusting a table of them: failures, doubts, provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seqbench.records.load import Loaded, Problem
from seqbench.records.record import COMPLETED, PRUNED, RunRecord
from seqbench.report.configurations import data_id, data_labels, data_name
from seqbench.report.tables import Table

_NAMED = 3  # runs that a note lists by name


@dataclass(frozen=True)
class Failure:
    """A run that gave no score, and why."""

    run_id: str
    status: str
    reason: str


@dataclass(frozen=True)
class Pending:
    """A run without a record.

    Attributes:
        run_id: whose.
        running: whether a process has it now; else it has not started, or was killed.
    """

    run_id: str
    running: bool


def failures(loaded: Loaded) -> tuple[Failure, ...]:
    """Every run that is not in a table: none is left out silently."""
    found = []
    for record in loaded.records:
        error, primary = record.error, record.scores.primary
        if record.status == PRUNED:
            continue  # a search gave it up: that is how it was to end
        if record.status != COMPLETED:
            reason = f"{error.type}: {error.message}" if error else "no reason was recorded"
            found.append(Failure(record.run_id, record.status, reason))
        elif primary is None:
            found.append(Failure(record.run_id, record.status, "its record has no primary metric"))
        elif record.scores.test.get(primary.name) is None:
            reason = f"its test {primary.name} is missing or not a finite number"
            found.append(Failure(record.run_id, record.status, reason))
    told = [p for p in loaded.problems if p.state in ("unreadable", "duplicate")]
    return (*found, *(_problem(problem) for problem in told))


def pending(loaded: Loaded) -> tuple[Pending, ...]:
    """The runs without a record, those that run now first."""
    found = [
        Pending(problem.path.name, problem.state == "running")
        for problem in loaded.problems
        if problem.state in ("running", "unrecorded")
    ]
    return tuple(sorted(found, key=lambda each: (not each.running, each.run_id)))


def _problem(problem: Problem) -> Failure:
    # The page must be the same wherever the folder lies.
    reason = problem.message.replace(f"{problem.path}/", "")
    return Failure(problem.path.name, "not counted", reason)


def warnings(
    records: Sequence[RunRecord],
    tables: Sequence[Table],
    without_predictions: Mapping[str, str],
    without_history: Mapping[str, str],
) -> list[str]:
    """What makes scores less comparable than their table suggests.

    Args:
        records: all that could be read.
        tables: what was made of them.
        without_predictions: why a run's predictions could not be used, by run id.
        without_history: why a run's history could not be read, by run id.
    """
    completed = [record for record in records if record.status == COMPLETED]
    found = _of_data(records, completed)
    if len(tables) > 1:
        found.append(
            f"These runs have {len(tables)} tables, one a dataset and metric: scores of different "
            "tables are not compared with each other."
        )
    if len({record.provenance.code for record in completed}) > 1:
        found.append("The runs were made by different states of the code; see the provenance.")
    for reason, names in _by_reason(without_predictions).items():
        found.append(f"Not compared by example: {_listed(names)} ({reason}).")
    for reason, names in _by_reason(without_history).items():
        found.append(f"Not in the learning curves: {_listed(names)} ({reason}).")
    return found


def _of_data(records: Sequence[RunRecord], completed: Sequence[RunRecord]) -> list[str]:
    found = []
    for identity, data in sorted(data_labels(records).items(), key=lambda item: item[1]):
        group = [record for record in completed if data_id(record) == identity]
        prints = _fingerprints(group)
        if prints > 1:
            found.append(
                f"The runs on {data} did not see the same data: {prints} fingerprints. "
                "Their scores are not comparable."
            )
        overlaps: dict[str, int] = {}
        for record in group:
            overlaps |= {k: v for k, v in record.provenance.overlaps.items() if v}
        if overlaps:
            listed = ", ".join(f"{k}: {v}" for k, v in sorted(overlaps.items()))
            found.append(f"Exact duplicates between the splits of {data}: {listed}.")
    return found


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for run_id, reason in sorted(reasons.items()):
        found.setdefault(reason, []).append(run_id)
    return found


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _fingerprints(records: Iterable[RunRecord]) -> int:
    """Fingerprints of data that should be the same: fewer training examples are meant to differ."""
    found: dict[str, set[str]] = {}
    for record in records:
        if record.provenance.data_fingerprint is not None:
            examples = record.group("data").get("train_examples")
            found.setdefault(str(examples), set()).add(record.provenance.data_fingerprint)
    return max(map(len, found.values()), default=0)


def provenance(records: Iterable[RunRecord]) -> dict[str, dict[str, int]]:
    """By name, each value and how many runs have it."""
    found: dict[str, Counter[str]] = {}
    for record in records:
        for name, value in _provenance_of(record).items():
            found.setdefault(name, Counter())[value] += 1
    return {name: dict(sorted(values.items())) for name, values in found.items()}


def _provenance_of(record: RunRecord) -> dict[str, str]:
    made = record.provenance
    git = f"{made.git.commit[:12]}{' with changes' if made.git.dirty else ''}" if made.git else ""
    values = {
        "study": record.study,
        "code": made.code,
        "commit": git,
        "processor": f"{made.cpu}, {made.cores} cores",
        "device": made.device or "",
        "platform": made.platform,
        f"data {data_name(record)}": made.data_fingerprint or "",
        "tokenizer": made.tokenizer_fingerprint or "",
        **dict(sorted(made.versions.items())),
    }
    return {name: value for name, value in values.items() if value}
