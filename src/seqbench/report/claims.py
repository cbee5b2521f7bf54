"""Claims that a study stated before it ran, judged by the interval of the effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from seqbench.records.load import StoredRun
from seqbench.records.record import RunRecord
from seqbench.records.stated_claims import COSTS, FIGURES, OF_SAMPLES, TEMPERATURE, StatedClaim
from seqbench.report.configurations import (
    configuration_id,
    configuration_of,
    flatten,
    is_baseline,
)
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
        effect: first - second over pairs of equal seeds; a pair's further settings are equal too,
            unless each side is one configuration.
        first: the metric of the first side, over seeds.
        second: that of the second side.
        reason: what keeps it from being judged; empty where nothing does.
        own: settings beside the contrast that each side has its own of, as winners of searches do.
    """

    stated: StatedClaim
    data: str
    verdict: Verdict
    effect: Summary
    first: Summary
    second: Summary
    reason: str = ""
    own: tuple[str, ...] = ()


def judge(
    claims: Iterable[StatedClaim], groups: Mapping[str, Sequence[StoredRun]]
) -> tuple[Judged, ...]:
    """Every claim on every dataset that has runs of both sides, else once with the reason.

    A claim that sets datasets beside each other is judged on all runs at once.

    Args:
        claims: what one study stated.
        groups: its completed runs by the name of their dataset.
    """
    found: list[Judged] = []
    for claim in claims:
        over = groups
        if "data" in (*claim.first, *claim.second):
            over = {" and ".join(groups): [run for runs in groups.values() for run in runs]}
        judged = [_judge(claim, data, runs) for data, runs in over.items()]
        told = [each for each in judged if each.first.n or each.second.n]
        found += told or judged[:1] or [_unjudged(claim, "no run completed")]
    return tuple(found)


def _judge(claim: StatedClaim, data: str, runs: Sequence[StoredRun]) -> Judged:
    records = [run.record for run in runs]
    first, second = (
        [record for record in records if _matches(record, wanted)]
        for wanted in (claim.first, claim.second)
    )
    reason = _mistake(claim, records, first, second)
    if reason:
        return _unjudged(claim, reason, data)
    kept = _kept_keys(claim, first) | _kept_keys(claim, second)
    sides = [
        _side(claim, members, wanted, kept)
        for members, wanted in ((first, claim.first), (second, claim.second))
    ]
    effects = _effects(claim, *sides)
    effect = summarize(effects.values())
    if not effects:
        reason = "the two sides share no seed"
        if any(side.single is None for side in sides):
            reason += " with settings that are equal otherwise"
    elif effect.n == 1:
        reason = "one seed allows no interval"
    return Judged(
        stated=claim,
        data=data,
        verdict=verdict(effect.low, effect.high, claim.direction, claim.smallest_effect),
        effect=effect,
        first=summarize(sides[0].by_seed().values()),
        second=summarize(sides[1].by_seed().values()),
        reason=reason,
        own=_own(claim, *sides) if effects else (),
    )


def _mistake(
    claim: StatedClaim,
    records: Sequence[RunRecord],
    first: Sequence[RunRecord],
    second: Sequence[RunRecord],
) -> str:
    """Why these runs cannot judge the claim; empty where they can."""
    known = {
        key for record in records for key in (*record.group("choices"), *flatten(record.config))
    }
    strange = sorted({*claim.first, *claim.second} - known - {TEMPERATURE})
    if strange and records:
        return f"no run has the setting {', '.join(strange)}"
    ids = {record.run_id for record in first}
    same_texts = claim.first.get(TEMPERATURE) == claim.second.get(TEMPERATURE)
    if same_texts and any(record.run_id in ids for record in second):
        return "some runs belong to both sides"
    for name, side, wanted in (("first", first, claim.first), ("second", second, claim.second)):
        if not any(_value(record, claim.metric, wanted) is not None for record in side):
            return (
                f"no completed run with {_asked(claim.metric, wanted)} belongs to the {name} side"
            )
    return ""


def _asked(metric: str, wanted: Mapping[str, Any]) -> str:
    return f"{metric} at temperature {wanted[TEMPERATURE]:g}" if TEMPERATURE in wanted else metric


def _unjudged(claim: StatedClaim, reason: str, data: str = "") -> Judged:
    nothing = summarize([])
    return Judged(
        stated=claim, data=data, verdict="inconclusive", effect=nothing, first=nothing,
        second=nothing, reason=reason,
    )  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """The runs of one side of a contrast.

    Attributes:
        values: the metric by seed and by the settings that a pair must share.
        single: the settings of the one configuration that it is, None where it is several.
        baseline: whether it is one baseline, whose settings nothing else has.
    """

    values: dict[tuple[int, str], float]
    single: dict[str, Any] | None
    baseline: bool

    def by_seed(self) -> dict[int, float]:
        """The mean over settings of each seed."""
        found: dict[int, list[float]] = {}
        for (seed, _), value in self.values.items():
            found.setdefault(seed, []).append(value)
        return {seed: _mean(values) for seed, values in sorted(found.items())}

    @property
    def constant(self) -> float | None:
        """The score of a baseline that has one, whatever the seed."""
        unlike = set(self.values.values())
        return unlike.pop() if self.baseline and len(unlike) == 1 else None


def _side(
    claim: StatedClaim,
    records: Sequence[RunRecord],
    wanted: Mapping[str, Any],
    kept: frozenset[str],
) -> _Side:
    values = {
        (record.seed, _others(record, claim, kept)): value
        for record in records
        if (value := _value(record, claim.metric, wanted)) is not None
    }
    one = len({configuration_id(record) for record in records}) == 1
    single = flatten(configuration_of(records[0])) if one else None
    return _Side(values, single, one and is_baseline(records[0]))


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
    """Seed and both values; a constant stands beside every seed, a baseline beside equal ones.

    Two single configurations are paired by seed alone: neither has another to be compared with.
    """
    if second.constant is not None:
        return [(seed, ours, second.constant) for (seed, _), ours in first.values.items()]
    if first.constant is not None:
        return [(seed, first.constant, theirs) for (seed, _), theirs in second.values.items()]
    alone = first.single is not None and second.single is not None
    if alone or first.baseline or second.baseline:
        ours, theirs = first.by_seed(), second.by_seed()
        return [(seed, ours[seed], theirs[seed]) for seed in sorted(ours.keys() & theirs.keys())]
    shared = sorted(first.values.keys() & second.values.keys())
    return [(key[0], first.values[key], second.values[key]) for key in shared]


def _own(claim: StatedClaim, first: _Side, second: _Side) -> tuple[str, ...]:
    """Settings beside the contrast in which two single configurations differ."""
    if first.single is None or second.single is None or first.baseline or second.baseline:
        return ()
    ours, theirs = first.single, second.single
    keys = sorted(key for key in ours.keys() | theirs.keys() if not _is_contrasted(key, claim))
    return tuple(key for key in keys if ours.get(key) != theirs.get(key))


def _mean(values: Sequence[float]) -> float:
    return sum(sorted(values)) / len(values)


def _value(record: RunRecord, metric: str, wanted: Mapping[str, Any]) -> float | None:
    if metric in FIGURES:
        drawn = (s for s in record.scores.samples if s.temperature == wanted[TEMPERATURE])
        of_samples = next(drawn, None)
        return None if of_samples is None else getattr(of_samples, metric[len(OF_SAMPLES) :])
    if metric in COSTS:
        value = getattr(record.cost, metric)
        return None if value is None else float(value)
    return record.scores.test.get(metric)


def _matches(record: RunRecord, wanted: Mapping[str, Any]) -> bool:
    settings = {**flatten(record.config), **record.group("choices")}
    of_run = {key: value for key, value in wanted.items() if key != TEMPERATURE}
    return all(key in settings and settings[key] == value for key, value in of_run.items())


def _kept_keys(claim: StatedClaim, records: Sequence[RunRecord]) -> frozenset[str]:
    """Settings below the contrast that vary within a side: a pair must be equal in them too.

    What follows from the choice of a model (its class, options that only it has) does not vary.
    """
    flats = [flatten(configuration_of(record)) for record in records]
    keys = {key for flat in flats for key in flat if _is_contrasted(key, claim)}
    return frozenset(key for key in keys if len({repr(flat.get(key)) for flat in flats}) > 1)


def _is_contrasted(key: str, claim: StatedClaim) -> bool:
    return any(
        key in (c, f"choices.{c}") or key.startswith(f"{c}.") for c in (*claim.first, *claim.second)
    )


def _others(record: RunRecord, claim: StatedClaim, kept: frozenset[str]) -> str:
    """The settings that two runs of a pair share."""
    flat = flatten(configuration_of(record))
    shared = {k: v for k, v in flat.items() if k in kept or not _is_contrasted(k, claim)}
    return repr(sorted(shared.items(), key=lambda item: item[0]))
