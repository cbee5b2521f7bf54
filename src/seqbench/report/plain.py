"""Every number of a report as plain containers: `report.json`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

from seqbench.records.schema import to_plain
from seqbench.report.across import THRESHOLDS, Across
from seqbench.report.changes import Changes
from seqbench.report.claims import Judged
from seqbench.report.content import Content, Section
from seqbench.report.figures.calibration import bins_of
from seqbench.report.figures.confusion import summed_counts
from seqbench.report.figures.lengths import pooled_by_length
from seqbench.report.load import frame
from seqbench.report.pairs import Pair, contenders, lead
from seqbench.report.samples import MEASURES, by_temperature
from seqbench.report.search import Search
from seqbench.report.statistics.summary import CONFIDENCE
from seqbench.report.tables import Row


def plain(content: Content) -> dict[str, Any]:
    """The whole report; what is a number on the page is a number here, unrounded."""
    runs = frame(content.runs).drop(columns="folder", errors="ignore")
    found: dict[str, Any] = to_plain(
        {
            "question": content.question,
            "answers": content.answers,
            "confidence": CONFIDENCE,
            "claims": [_claim(judged) for judged in content.claims],
            "changes": [_changes(each) for each in content.changes],
            "across": None if content.across is None else _across(content.across),
            "tables": [_section(section) for section in content.sections],
            "notes": content.notes,
            "failures": [asdict(failure) for failure in content.failures],
            "pending": [asdict(each) for each in content.pending],
            "provenance": content.provenance,
            "runs": runs.astype(object).where(runs.notna(), None).to_dict("records"),
        }
    )
    return found


def _section(section: Section) -> dict[str, Any]:
    table = section.table
    ranked = [row for row in table.rows if row.score.n]
    return {
        "data": table.data,
        "primary": asdict(table.primary),
        "answer": section.answer,
        "rows": [_row(row) for row in table.rows],
        "leads": [
            {"first": first.label, "second": second.label, **asdict(lead(first, second))}
            for first, second in pairwise(ranked)
        ],
        "pairs": [_pair(pair) for pair in section.pairs],
        "equal": section.equal,
        "guardrail": section.guardrail,
        "agreement": None if section.agreement is None else asdict(section.agreement),
        "calibration": {
            row.label: [asdict(each) for each in bins]
            for row in contenders(table)
            if (bins := bins_of(row, section.examples))
        },
        "curves": {
            row.label: [asdict(point) for point in points]
            for row in table.networks
            if (points := section.curves.points.get(row.identity))
        },
        "confusion": {row.label: _summed(row) for row in table.rows if _summed(row) is not None},
        "lengths": {row.label: pooled_by_length(row) for row in table.rows},
        "written": [asdict(each) for each in section.written],
        "samples": {
            row.label: {measure: by_temperature(row, measure) for measure in MEASURES}
            for row in table.rows
            if by_temperature(row, "entropy")
        },
        "search": None if section.search is None else _search(section.search),
    }


def _summed(row: Row) -> list[list[int]] | None:
    counts = summed_counts(row)
    return None if counts is None else counts.tolist()


def _row(row: Row) -> dict[str, Any]:
    return {
        "configuration": row.identity,
        "label": row.label,
        "model": row.model,
        "baseline": row.baseline,
        "study": row.study,
        "seeds": [run.record.seed for run in row.runs],
        "scores": {name: asdict(summary) for name, summary in row.scores.items()},
        "costs": row.costs,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "first": pair.first.label,
        "second": pair.second.label,
        "difference": asdict(pair.difference),
        "constant": None if pair.constant is None else pair.constant.label,
        "p": pair.p,
        "p_holm": pair.p_holm,
        "hedges_g": pair.g,
        "unpaired": None if pair.unpaired is None else asdict(pair.unpaired),
        "examples": None if pair.examples is None else asdict(pair.examples),
        "tokens": None if pair.tokens is None else asdict(pair.tokens),
    }


def _claim(judged: Judged) -> dict[str, Any]:
    return {
        **asdict(judged.stated),
        "data": judged.data,
        "verdict": judged.verdict,
        "effect": asdict(judged.effect),
        "first_side": asdict(judged.first),
        "second_side": asdict(judged.second),
        "reason": judged.reason,
        "own": list(judged.own),
    }


def _changes(each: Changes) -> dict[str, Any]:
    return {
        "data": each.data,
        "before": each.before,
        "after": each.after,
        "only": each.only,
        "rows": [
            {
                "label": change.label,
                "before": asdict(change.before.score),
                "after": asdict(change.after.score),
                "difference": asdict(change.difference),
            }
            for change in each.rows
        ],
    }


def _across(found: Across) -> dict[str, Any]:
    return {
        "metric": found.metric,
        "thresholds": THRESHOLDS,
        "scales": [asdict(scale) for scale in found.scales],
        "rows": [asdict(row) for row in found.rows],
    }


def _search(found: Search) -> dict[str, Any]:
    return {
        "keys": found.keys,
        "logarithmic": sorted(found.logarithmic),
        "settings": found.settings,
        "scores": found.scores,
        "importance": None if found.importance is None else asdict(found.importance),
        "budgets": [asdict(each) for each in found.budgets],
        "refusal": found.refusal,
    }
