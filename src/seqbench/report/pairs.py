"""Pairs of configurations: how far apart, and how sure, over seeds and over test examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from seqbench.report.outcomes import Examples
from seqbench.report.statistics.by_example import bootstrap_interval, mcnemar_p, median_rule
from seqbench.report.statistics.by_token import block_interval
from seqbench.report.statistics.multiple import holm
from seqbench.report.statistics.paired import hedges_g, sign_flip_p
from seqbench.report.statistics.summary import Summary, summarize
from seqbench.report.statistics.unpaired import Unpaired, mann_whitney
from seqbench.report.tables import Row, Table
from seqbench.report.token_losses import Tokens

NETWORKS_COMPARED = 6


@dataclass(frozen=True, kw_only=True)
class ByExample:
    """Two configurations on the same test examples, their trained networks held fixed.

    Attributes:
        n: test examples.
        seeds: pairs of runs that were compared.
        difference: of the shares that are right, first - second, mean over those pairs.
        low: lower end of its 95 % bootstrap interval over examples.
        high: its upper end.
        only_first: examples that the first alone got right, mean over pairs.
        only_second: those that the second alone got right.
        p: McNemar's exact test of each pair, combined by the median rule.
        p_holm: corrected for the number of comparisons in the table.
    """

    n: int
    seeds: int
    difference: float
    low: float
    high: float
    only_first: float
    only_second: float
    p: float
    p_holm: float | None = None


@dataclass(frozen=True, kw_only=True)
class ByToken:
    """Two language models on the same test tokens, their trained networks held fixed.

    Attributes:
        n: test tokens.
        seeds: pairs of runs that were compared.
        difference: of the losses, second - first, nats per token, mean over those pairs: positive
            where the first predicts better.
        low: lower end of its 95 % interval over tokens, by blocks of neighbours.
        high: its upper end.
        block: tokens of a block.
    """

    n: int
    seeds: int
    difference: float
    low: float
    high: float
    block: int


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two configurations of one table, the one ranked higher first.

    Attributes:
        first: the one that ranks higher.
        second: the other.
        difference: of scores over paired seeds; positive where the first is better.
        constant: the baseline that has one score, whatever the seed, if one of them is.
        p: sign-flip test over paired seeds; None without pairs.
        p_holm: corrected for the number of comparisons in the table.
        g: Hedges' g; None where it does not apply.
        unpaired: the two samples of scores without regard to seeds.
        examples: the same test examples; None where predictions are missing.
        tokens: the same test tokens; None where no losses of tokens were kept.
    """

    first: Row
    second: Row
    difference: Summary
    constant: Row | None
    p: float | None
    p_holm: float | None
    g: float | None
    unpaired: Unpaired | None
    examples: ByExample | None
    tokens: ByToken | None


def contenders(table: Table) -> list[Row]:
    """The configurations that are compared pair by pair: the best few, and the best baseline."""
    return [*table.networks[:NETWORKS_COMPARED], *table.baselines[:1]]


def pairs(table: Table, examples: Examples, tokens: Tokens) -> tuple[Pair, ...]:
    """Every pair of contenders, p-values corrected for how many there are (Holm)."""
    ranked = [row for row in table.rows if row in contenders(table)]
    found = [_pair(first, second, examples, tokens) for first, second in combinations(ranked, 2)]
    seeds = _holm([pair.p for pair in found])
    tests = _holm([pair.examples.p if pair.examples else None for pair in found])
    return tuple(
        replace(
            pair,
            p_holm=by_seed,
            examples=None if pair.examples is None else replace(pair.examples, p_holm=by_example),
        )
        for pair, by_seed, by_example in zip(found, seeds, tests, strict=True)
    )


def lead(first: Row, second: Row) -> Summary:
    """How much better `first` is than `second`: positive is better, whatever the direction.

    Paired by seed. A score that does not vary (a deterministic baseline) is a constant, and needs
    no seed in common.
    """
    return summarize(_differences(first, second))


def constant_of(first: Row, second: Row) -> Row | None:
    """The one of two configurations that is a baseline with one score, whatever the seed."""
    for row in (second, first):
        if row.baseline and len(set(row.by_seed(row.primary.name).values())) == 1:
            return row
    return None


def _differences(first: Row, second: Row) -> list[float]:
    name, sign = first.primary.name, 1 if first.primary.higher_is_better else -1
    ours = {seed: sign * value for seed, value in first.by_seed(name).items()}
    theirs = {seed: sign * value for seed, value in second.by_seed(name).items()}
    constant = constant_of(first, second)
    if constant is second:
        return [value - next(iter(theirs.values())) for value in ours.values()]
    if constant is first:
        return [next(iter(ours.values())) - value for value in theirs.values()]
    return [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]


def _pair(first: Row, second: Row, examples: Examples, tokens: Tokens) -> Pair:
    name, sign = first.primary.name, 1 if first.primary.higher_is_better else -1
    ours = [sign * value for value in first.by_seed(name).values()]
    theirs = [sign * value for value in second.by_seed(name).values()]
    differences = _differences(first, second)
    constant = constant_of(first, second)
    # One value has no spread to compare with: a constant allows neither g nor a rank test.
    return Pair(
        first=first,
        second=second,
        difference=summarize(differences),
        constant=constant,
        p=sign_flip_p(differences, np.random.default_rng(0)),
        p_holm=None,
        g=None if constant else hedges_g(ours, theirs),
        unpaired=None if constant else mann_whitney(ours, theirs),
        examples=_by_example(first, second, examples),
        tokens=_by_token(first, second, tokens),
    )


def _by_example(first: Row, second: Row, examples: Examples) -> ByExample | None:
    """McNemar's test and the bootstrap speak of accuracy, whatever the table is ranked by."""
    compared = []
    for ours, theirs in _paired_seeds(first, second, examples):
        right, wrong = examples.correct(first, ours), examples.correct(second, theirs)
        if right is not None and wrong is not None:
            compared.append(right.astype(np.int8) - wrong.astype(np.int8))
    if not compared:
        return None
    gained = [int((each == 1).sum()) for each in compared]
    lost = [int((each == -1).sum()) for each in compared]
    per_example_N = np.asarray(np.mean(compared, axis=0), dtype=np.float64)
    mean, low, high = bootstrap_interval(per_example_N, np.random.default_rng(0))
    return ByExample(
        n=len(per_example_N),
        seeds=len(compared),
        difference=mean,
        low=low,
        high=high,
        only_first=float(np.mean(gained)),
        only_second=float(np.mean(lost)),
        p=median_rule([mcnemar_p(b, c) for b, c in zip(gained, lost, strict=True)]),
    )


def _by_token(first: Row, second: Row, tokens: Tokens) -> ByToken | None:
    compared = [
        tokens.losses(second, theirs).astype(np.float64) - tokens.losses(first, ours)
        for ours, theirs in _paired_seeds(first, second, tokens)
    ]
    if not compared or not len(compared[0]):
        return None
    per_token_N = np.asarray(np.mean(compared, axis=0), dtype=np.float64)
    found = block_interval(per_token_N)
    return ByToken(
        n=len(per_token_N),
        seeds=len(compared),
        difference=found.mean,
        low=found.low,
        high=found.high,
        block=found.block,
    )


def _paired_seeds(first: Row, second: Row, seen: Examples | Tokens) -> list[tuple[int, int]]:
    ours, theirs = seen.seeds(first), seen.seeds(second)
    constant = constant_of(first, second)
    if constant is second and theirs:
        return [(seed, theirs[0]) for seed in ours]
    if constant is first and ours:
        return [(ours[0], seed) for seed in theirs]
    return [(seed, seed) for seed in ours if seed in theirs]


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    there = [p for p in p_values if p is not None]
    adjusted = iter(holm(there))
    return [None if p is None else next(adjusted) for p in p_values]
