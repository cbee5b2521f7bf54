"""Everything that a report says, before it is given a form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqbench.errors import RecordError
from seqbench.records.load import Loaded, StoredRun, load_records
from seqbench.records.record import COMPLETED, RunRecord
from seqbench.records.stated_claims import StatedClaim, stated_claims
from seqbench.report.across import Across, across
from seqbench.report.answer import answer, question
from seqbench.report.audit import Failure, Pending, failures, pending, provenance, warnings
from seqbench.report.changes import Changes, changes
from seqbench.report.claims import Judged, judge
from seqbench.report.configurations import data_id, data_labels
from seqbench.report.equal import equal_means
from seqbench.report.guardrail import guardrail
from seqbench.report.histories import Curves, read_curves
from seqbench.report.outcomes import Agreement, Examples, agreement, read_examples
from seqbench.report.pairs import Pair, contenders, pairs
from seqbench.report.samples import Written, written
from seqbench.report.search import Search, search
from seqbench.report.tables import Table, build_tables, study_names
from seqbench.report.token_losses import Tokens, read_tokens
from seqbench.report.trials import counted, notes_on_trials, without_trials

METHOD = (
    "± is half the width of the 95 % t-interval over seeds, one configuration at a time. "
    "Differences are paired by seed. Intervals tell how much a score varies from seed to seed on "
    "this test split; they say nothing about other test examples, and are not corrected for "
    "having picked the best of several. Parameters, FLOPs, time, speed and memory are means over "
    "seeds."
)


@dataclass(frozen=True)
class Section:
    """All that is said of one dataset and primary metric.

    Attributes:
        table: its configurations.
        answer: a few sentences.
        equal: at equal what the networks are compared, by their budgets.
        pairs: its contenders, two by two.
        guardrail: what so few runs cannot show.
        examples: what the contenders said of each test example.
        tokens: what they said of each test token, where they are language models.
        agreement: where they agree, and where not; None without predictions of two.
        search: the runs as a search over hyperparameters; None where none varies.
        curves: the validations of its networks during training.
        written: what the contenders wrote by themselves, where they are language models.
    """

    table: Table
    answer: str
    equal: tuple[str, ...]
    pairs: tuple[Pair, ...]
    guardrail: tuple[str, ...]
    examples: Examples = field(repr=False)
    tokens: Tokens = field(repr=False)
    agreement: Agreement | None
    search: Search | None
    curves: Curves = field(repr=False)
    written: tuple[Written, ...] = ()


@dataclass(frozen=True)
class Content:
    """What every form of the report shows.

    Attributes:
        question: what the runs were made to answer.
        sections: one for each dataset and primary metric.
        changes: the differences between two studies, if two were given.
        across: what can be said over several datasets.
        claims: what the study stated beforehand, judged.
        notes: how to read the numbers, and what makes them less comparable than they look.
        failures: runs without a score.
        pending: runs without a record.
        provenance: by name, each value and how many runs have it.
        runs: every readable run but those that a search has left behind.
        live: whether the runs are still being made, and the page is to reload itself.
    """

    question: str
    sections: tuple[Section, ...]
    changes: tuple[Changes, ...]
    across: Across | None
    claims: tuple[Judged, ...]
    notes: tuple[str, ...]
    failures: tuple[Failure, ...]
    pending: tuple[Pending, ...]
    provenance: dict[str, dict[str, int]]
    runs: tuple[StoredRun, ...]
    live: bool = False

    @property
    def tables(self) -> tuple[Table, ...]:
        """The table of each section."""
        return tuple(section.table for section in self.sections)

    @property
    def answers(self) -> tuple[str, ...]:
        """What was found, in sentences: between two studies first, then for each dataset."""
        told = (*(each.answer for each in self.changes), *(each.answer for each in self.sections))
        return told or ("No run completed: no answer yet.",)


def gather(
    paths: Path | str | Sequence[Path | str], asked: str | None = None, *, live: bool = False
) -> Content:
    """Reads the records and computes all that is shown.

    Args:
        paths: run folders, study folders, or folders of studies.
        asked: the question; None takes the one that the runs' study states, else makes one.
        live: the runs are still being made.

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
    loaded, superseded = counted(loaded)
    sections = tuple(_section(table) for table in build_tables(loaded.runs))
    tables = [section.table for section in sections]
    unusable = {
        run_id: reason
        for section in sections
        for read in (section.examples, section.tokens)
        for run_id, reason in read.problems.items()
    }
    lost = {k: v for section in sections for k, v in section.curves.problems.items()}
    claims, doubts = _claims(loaded)
    return Content(
        question=asked or _stated_question(loaded.records) or question(tables),
        sections=sections,
        changes=changes(tables, _studies(loaded, paths)),
        across=across(tables),
        claims=claims,
        notes=(
            METHOD,
            *notes_on_trials(loaded.records),
            *superseded,
            *_refusals(sections),
            *warnings(loaded.records, tables, unusable, lost),
            *doubts,
        ),
        failures=failures(loaded),
        pending=pending(loaded),
        provenance=provenance(loaded.records),
        runs=loaded.runs,
        live=live,
    )


def _section(table: Table) -> Section:
    compared = contenders(table)
    examples = read_examples(compared)
    tokens = read_tokens(compared)
    found = pairs(table, examples, tokens)
    return Section(
        table=table,
        answer=answer(table, found),
        equal=equal_means(table),
        pairs=found,
        guardrail=guardrail(table, found),
        examples=examples,
        tokens=tokens,
        agreement=agreement(compared, examples),
        search=search(table),
        curves=read_curves(table.networks, table.primary.name),
        written=written(compared),
    )


def _refusals(sections: Sequence[Section]) -> list[str]:
    """Why searches have no budget curve, each reason once."""
    said = [section.search.refusal for section in sections if section.search is not None]
    return [reason for reason in dict.fromkeys(said) if reason]


def _stated_question(records: Sequence[RunRecord]) -> str | None:
    """What the study asks, where all runs come from studies that ask the same."""
    stated = [record.config.get("question") for record in records]
    first = stated[0] if stated else None
    alike = isinstance(first, str) and all(each == first for each in stated)
    return first if alike else None


def _claims(loaded: Loaded) -> tuple[tuple[Judged, ...], list[str]]:
    """What each study stated, judged on its own runs; and what is wrong with its claims."""
    names = study_names(loaded.runs)
    judged: list[Judged] = []
    doubts: list[str] = []
    for folder, name in names.items():
        runs = [run for run in loaded.runs if run.folder.path.resolve().parent == folder]
        stated: dict[str, tuple[StatedClaim, int]] = {}
        for run in runs:
            found, wrong = stated_claims(run.record.config)
            doubts += [f"A claim cannot be judged: {error.line()}." for error in wrong]
            for claim in found:
                stated[repr(claim)] = (claim, stated.get(repr(claim), (claim, 0))[1] + 1)
        late = [claim.claim for claim, count in stated.values() if count < len(runs)]
        if late:
            doubts.append(
                f"Claims that only some of the runs knew when they were made: {'; '.join(late)}. "
                "A claim that was stated after runs were seen is worth less."
            )
        judged += judge((claim for claim, _ in stated.values()), _by_data(runs, name))
    return tuple(judged), list(dict.fromkeys(doubts))


def _by_data(runs: Sequence[StoredRun], study: str) -> dict[str, list[StoredRun]]:
    labels = data_labels([run.record for run in runs])
    groups: dict[str, list[StoredRun]] = {}
    for run in without_trials(runs):
        if run.record.status == COMPLETED:
            label = labels[data_id(run.record)]
            groups.setdefault(f"{label} · {study}" if study else label, []).append(run)
    return dict(sorted(groups.items()))


def _studies(loaded: Loaded, paths: Path | str | Sequence[Path | str]) -> list[str]:
    """The names of the studies, in the order in which they were given."""
    names = study_names(loaded.runs)
    given = [paths] if isinstance(paths, Path | str) else list(paths)
    order = [Path(path).resolve() for path in given]
    places: dict[Path, int] = {}
    for run in loaded.runs:
        own = run.folder.path.resolve()
        within = (i for i, top in enumerate(order) if own.is_relative_to(top))
        place = min(within, default=len(order))
        places[own.parent] = min(place, places.get(own.parent, place))
    return [names[folder] for folder in sorted(names, key=lambda each: (places[each], each))]
