"""What a study of this size cannot show, said before somebody reads it out of a p-value."""

from __future__ import annotations

from collections.abc import Sequence

from seqbench.report import numbers
from seqbench.report.outcomes import SEEDS_READ
from seqbench.report.pairs import NETWORKS_COMPARED, Pair, contenders
from seqbench.report.statistics.guardrail import (
    pairs_needed,
    seeds_for_superiority,
    smallest_p,
)
from seqbench.report.tables import Table

ALPHA = 0.05
EQUAL = 1.01  # costs within one per cent are equal
_COSTS = (
    ("parameters", "parameters", numbers.count),
    ("flops", "training FLOPs", numbers.count),
    ("train_seconds", "training time", numbers.duration),
)
SUPERIORITY = 0.75


def guardrail(table: Table, compared: Sequence[Pair]) -> tuple[str, ...]:
    """The limits of the comparisons of a table, in sentences."""
    return (*_of_seeds(compared), *_of_costs(table), *_left_out(table))


def _of_seeds(compared: Sequence[Pair]) -> list[str]:
    tested = [pair for pair in compared if pair.p is not None]
    if not tested:
        alone = "No two configurations have a seed in common: nothing is paired."
        return [alone] if compared else []
    seeds = min(pair.difference.n for pair in tested)
    count = len(tested)
    enough = seeds_for_superiority(SUPERIORITY, ALPHA, ALPHA)
    found = [_reachable(seeds, count)]
    if seeds < enough:
        found.append(
            f"To find that one configuration beats another in {100 * SUPERIORITY:.0f} % of pairs "
            f"of runs, with errors of 5 % of either kind, takes {enough} seeds of each."
        )
    kinds = {"examples": any(pair.examples for pair in compared)}
    kinds["tokens"] = any(pair.tokens for pair in compared)
    found += [
        f"Test {kind} are a second kind of evidence: they hold the trained networks fixed and "
        f"ask about other {kind}; seeds hold the {kind} fixed and ask about other trainings."
        for kind, there in kinds.items()
        if there
    ]
    return found


def _of_costs(table: Table) -> list[str]:
    """At equal what the networks are compared."""
    spans = []
    for name, called, text in _COSTS:
        costs = [cost for row in table.networks if (cost := row.costs[name]) is not None]
        if len(costs) > 1 and max(costs) > EQUAL * min(costs):
            spans.append(f"{called} {text(min(costs))} to {text(max(costs))}")
    if not spans:
        return []
    return [f"The networks are not compared at equal cost: {', '.join(spans)}."]


def _left_out(table: Table) -> list[str]:
    found = []
    if len(table.networks) > NETWORKS_COMPARED or len(table.baselines) > 1:
        networks = min(NETWORKS_COMPARED, len(table.networks))
        every = f"{len(table.networks)} networks"
        of = every if networks == len(table.networks) else f"the best {networks} of {every}"
        baselines = " and the best baseline" if table.baselines else ""
        found.append(f"Compared two by two are {of}{baselines}.")
    if any(len(row.runs) > SEEDS_READ for row in contenders(table)):
        found.append(f"On the test split the first {SEEDS_READ} runs of each were looked at.")
    return found


def _reachable(seeds: int, count: int) -> str:
    least, needed = smallest_p(seeds), pairs_needed(count, ALPHA)
    pairs = "one comparison" if count == 1 else f"{count} comparisons under Holm's correction"
    if least * count <= ALPHA:
        return f"{seeds} paired seeds can reach p < .05 in {pairs}."
    verb = "needs" if count == 1 else "need"
    paired = "1 paired seed" if seeds == 1 else f"{seeds} paired seeds"
    return (
        f"With {paired} no sign-flip test can go below p = {numbers.p_value(least)}: {pairs} "
        f"{verb} {needed} seeds before any could be called significant. Until then read the "
        "intervals; a large p-value shows nothing here."
    )
