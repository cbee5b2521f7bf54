"""Everything that a report says, before it is given a form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from seqbench.errors import RecordError
from seqbench.records.load import Loaded, Problem, StoredRun, load_records
from seqbench.records.record import COMPLETED, RunRecord
from seqbench.records.schema import to_plain
from seqbench.report.answer import answer, lead, question
from seqbench.report.configurations import data_id, data_labels, data_name
from seqbench.report.load import frame
from seqbench.report.statistics.summary import CONFIDENCE
from seqbench.report.tables import Row, Table, build_tables

METHOD = (
    "± is half the width of the 95 % t-interval over seeds, one configuration at a time. "
    "Differences are paired by seed. Intervals tell how much a score varies from seed to seed on "
    "this test split; they say nothing about other test examples, and are not corrected for "
    "having picked the best of several. Parameters, time and speed are means over seeds."
)


@dataclass(frozen=True)
class Failure:
    """A run that gave no score, and why."""

    run_id: str
    status: str
    reason: str


@dataclass(frozen=True)
class Content:
    """What every form of the report shows.

    Attributes:
        question: what the runs were made to answer.
        tables: one for each dataset and primary metric.
        answers: a sentence or two for each table.
        notes: how to read the numbers, and what makes them less comparable than they look.
        failures: runs without a score.
        provenance: by name, each value and how many runs have it.
        runs: every readable run.
    """

    question: str
    tables: tuple[Table, ...]
    answers: tuple[str, ...]
    notes: tuple[str, ...]
    failures: tuple[Failure, ...]
    provenance: dict[str, dict[str, int]]
    runs: tuple[StoredRun, ...]

    def to_dict(self) -> dict[str, Any]:
        """Every number of the report, as plain containers."""
        runs = frame(self.runs).drop(columns="folder", errors="ignore")
        plain: dict[str, Any] = to_plain(
            {
                "question": self.question,
                "answers": self.answers,
                "confidence": CONFIDENCE,
                "tables": [_table(table) for table in self.tables],
                "notes": self.notes,
                "failures": [asdict(failure) for failure in self.failures],
                "provenance": self.provenance,
                "runs": runs.astype(object).where(runs.notna(), None).to_dict("records"),
            }
        )
        return plain


def gather(paths: Path | str | Sequence[Path | str], asked: str | None = None) -> Content:
    """Reads the records and computes all that is shown.

    Args:
        paths: run folders, study folders, or folders of studies.
        asked: the question; None takes the one that the runs' study states, else makes one.

    Raises:
        RecordError: a path does not exist, or there is no run below any.
    """
    loaded = load_records(paths)
    if not loaded.runs and not loaded.problems:
        shown = paths if isinstance(paths, Path | str) else ", ".join(map(str, paths))
        raise RecordError(
            str(shown),
            expected="at least one run",
            got="none",
            remedy="seqbench train or seqbench sweep makes runs",
        )
    tables = build_tables(loaded.runs)
    return Content(
        question=asked or _stated_question(loaded.records) or question(tables),
        tables=tuple(tables),
        answers=tuple(answer(table) for table in tables) or ("No run completed: no answer yet.",),
        notes=(METHOD, *_warnings(loaded.records)),
        failures=_failures(loaded),
        provenance=_provenance(loaded.records),
        runs=loaded.runs,
    )


def _stated_question(records: Sequence[RunRecord]) -> str | None:
    """What the study asks, where all runs come from studies that ask the same."""
    stated = {record.config.get("question") for record in records}
    return stated.pop() if len(stated) == 1 else None


def _failures(loaded: Loaded) -> tuple[Failure, ...]:
    found = []
    for record in loaded.records:
        error = record.error
        if record.status != COMPLETED:
            reason = f"{error.type}: {error.message}" if error else "no reason was recorded"
            found.append(Failure(record.run_id, record.status, reason))
        elif record.scores.primary is None:
            found.append(Failure(record.run_id, record.status, "its record has no primary metric"))
    return (*found, *(_problem(problem) for problem in loaded.problems))


def _problem(problem: Problem) -> Failure:
    # The page must be the same wherever the folder lies.
    reason = problem.message.replace(f"{problem.path}/", "")
    return Failure(problem.path.name, "not counted", reason)


def _warnings(records: Sequence[RunRecord]) -> list[str]:
    """What makes scores of one dataset less comparable than their table suggests."""
    completed = [record for record in records if record.status == COMPLETED]
    warnings = []
    for identity, data in sorted(data_labels(records).items(), key=lambda item: item[1]):
        group = [record for record in completed if data_id(record) == identity]
        prints = _fingerprints(group)
        if prints > 1:
            warnings.append(
                f"The runs on {data} did not see the same data: {prints} fingerprints. "
                "Their scores are not comparable."
            )
        overlaps: dict[str, int] = {}
        for record in group:
            overlaps |= {k: v for k, v in record.provenance.overlaps.items() if v}
        if overlaps:
            listed = ", ".join(f"{k}: {v}" for k, v in sorted(overlaps.items()))
            warnings.append(f"Exact duplicates between the splits of {data}: {listed}.")
    if len({record.provenance.code for record in completed}) > 1:
        warnings.append("The runs were made by different states of the code; see the provenance.")
    return warnings


def _fingerprints(records: Sequence[RunRecord]) -> int:
    """Fingerprints of data that should be the same: fewer training examples are meant to differ."""
    found: dict[str, set[str]] = {}
    for record in records:
        if record.provenance.data_fingerprint is not None:
            examples = (record.config.get("data") or {}).get("train_examples")
            found.setdefault(str(examples), set()).add(record.provenance.data_fingerprint)
    return max(map(len, found.values()), default=0)


def _provenance(records: Sequence[RunRecord]) -> dict[str, dict[str, int]]:
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


def _table(table: Table) -> dict[str, Any]:
    ranked = [row for row in table.rows if row.score.n]
    return {
        "data": table.data,
        "primary": asdict(table.primary),
        "rows": [_row(row) for row in table.rows],
        "leads": [
            {"first": first.label, "second": second.label, **asdict(lead(first, second))}
            for first, second in pairwise(ranked)
        ],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "configuration": row.identity,
        "label": row.label,
        "model": row.model,
        "baseline": row.baseline,
        "seeds": [run.record.seed for run in row.runs],
        "scores": {name: asdict(summary) for name, summary in row.scores.items()},
        "costs": row.costs,
    }
