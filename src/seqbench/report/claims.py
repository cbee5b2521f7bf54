"""Claims that a study stated before it ran, judged by the interval of the effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seqbench.records.load import StoredRun
from seqbench.records.record import COMPLETED, RunRecord
from seqbench.records.stated_claims import COSTS, StatedClaim
from seqbench.report.configurations import configuration_of, flatten, is_baseline
from seqbench.report.statistics.summary import Summary, summarize
from seqbench.report.statistics.verdict import verdict

Verdict = Literal["supported", "refuted", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A claim, and what the runs say of it on one dataset.

    Attributes:
        stated: the claim.
        data: the dataset; empty where no run belongs to either side.
        verdict: by the interval of the effect against the smallest effect that matters.
        effect: first - second over pairs of equal seeds; a pair's further settings are equal too.
        first: the metric of the first side, over seeds.
        second: that of the second side.
        reason: what keeps it from being judged; empty where nothing does.
    """

    stated: StatedClaim
    data: str
    verdict: Verdict
    effect: Summary
    first: Summary
    second: Summary
    reason: str = ""


def judge(
    claims: Iterable[StatedClaim], groups: Mapping[str, Sequence[StoredRun]]
) -> tuple[Judged, ...]:
    """Every claim on every dataset that has runs of both sides, else once with the reason.

    Args:
        claims: what was stated.
        groups: completed runs by the name of their dataset.
    """
    found: list[Judged] = []
    for claim in claims:
        judged = [_judge(claim, data, runs) for data, runs in groups.items()]
        told = [each for each in judged if each.first.n or each.second.n]
        found += told or [_unjudged(claim, "no completed run belongs to either side")]
    return tuple(found)


def _judge(claim: StatedClaim, data: str, runs: Sequence[StoredRun]) -> Judged:
    sides = [_side(claim, wanted, runs) for wanted in (claim.first, claim.second)]
    first, second = (_by_seed(side) for side in sides)
    effects = _effects(claim, *sides)
    effect = summarize(effects.values())
    reason = ""
    if not first or not second:
        reason = f"no completed run with {claim.metric} belongs to the {_missing(first)} side"
    elif not effects:
        reason = "the two sides share no seed with settings that are equal otherwise"
    elif effect.n == 1:
        reason = "one seed allows no interval"
    return Judged(
        stated=claim,
        data=data,
        verdict=verdict(effect.low, effect.high, claim.direction, claim.smallest_effect),
        effect=effect,
        first=summarize(first.values()),
        second=summarize(second.values()),
        reason=reason,
    )


def _unjudged(claim: StatedClaim, reason: str) -> Judged:
    nothing = summarize([])
    return Judged(
        stated=claim, data="", verdict="inconclusive", effect=nothing, first=nothing,
        second=nothing, reason=reason,
    )  # fmt: skip


def _missing(first: Mapping[int, float]) -> str:
    return "second" if first else "first"


# A run's key among those of its side (its seed, its other settings), and its value.
_Side = dict[tuple[int, str], list[float]]


def _side(claim: StatedClaim, wanted: Mapping[str, Any], runs: Iterable[StoredRun]) -> _Side:
    side: _Side = {}
    for run in runs:
        record = run.record
        value = _value(record, claim.metric)
        if record.status == COMPLETED and value is not None and _matches(record, wanted):
            side.setdefault((record.seed, _others(record, claim)), []).append(value)
    return side


def _by_seed(side: _Side) -> dict[int, float]:
    by_seed: dict[int, list[float]] = {}
    for (seed, _), values in side.items():
        by_seed.setdefault(seed, []).extend(values)
    return {seed: sum(values) / len(values) for seed, values in sorted(by_seed.items())}


def _effects(claim: StatedClaim, first: _Side, second: _Side) -> dict[int, float]:
    """The effect of each seed: the mean over the pairs that are equal but for the contrast."""
    by_seed: dict[int, list[float]] = {}
    for seed, ours, theirs in _pairs(first, second):
        effect = ours - theirs
        if claim.relative and theirs == 0:
            continue
        by_seed.setdefault(seed, []).append(effect / abs(theirs) if claim.relative else effect)
    return {seed: _mean(effects) for seed, effects in sorted(by_seed.items())}


def _pairs(first: _Side, second: _Side) -> list[tuple[int, float, float]]:
    """Seed and both values; a baseline's single run stands beside every seed of the other side."""
    if _is_constant(second):
        (theirs,) = second.values()
        return [(seed, _mean(ours), _mean(theirs)) for (seed, _), ours in first.items()]
    if _is_constant(first):
        (ours,) = first.values()
        return [(seed, _mean(ours), _mean(theirs)) for (seed, _), theirs in second.items()]
    shared = first.keys() & second.keys()
    return [(key[0], _mean(first[key]), _mean(second[key])) for key in sorted(shared)]


def _is_constant(side: _Side) -> bool:
    return len(side) == 1 and next(iter(side))[1] == _BASELINE


_BASELINE = "a baseline"


def _mean(values: Sequence[float]) -> float:
    return sum(sorted(values)) / len(values)


def _value(record: RunRecord, metric: str) -> float | None:
    if metric in COSTS:
        value = getattr(record.cost, metric)
        return None if value is None else float(value)
    return record.scores.test.get(metric)


def _matches(record: RunRecord, wanted: Mapping[str, Any]) -> bool:
    choices = record.config.get("choices") or {}
    flat = flatten(record.config)
    return all(
        (choices.get(key) if key in choices else flat.get(key)) == value
        for key, value in wanted.items()
    )


def _others(record: RunRecord, claim: StatedClaim) -> str:
    """The settings that the contrast leaves alone: equal in two runs that are a pair."""
    if is_baseline(record):
        return _BASELINE
    contrasted = {*claim.first, *claim.second}
    flat = flatten(configuration_of(record))
    kept = {
        key: value
        for key, value in flat.items()
        if not any(key == c or key.startswith(f"{c}.") or key == f"choices.{c}" for c in contrasted)
    }
    return repr(sorted(kept.items(), key=lambda item: item[0]))
