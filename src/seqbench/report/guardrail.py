"""What a study of this size cannot show, said before somebody reads it out of a p-value."""

from __future__ import annotations

from collections.abc import Sequence

from seqbench.report import numbers
from seqbench.report.pairs import Pair
from seqbench.report.statistics.guardrail import (
    pairs_needed,
    seeds_for_superiority,
    smallest_p,
)

ALPHA = 0.05
SUPERIORITY = 0.75


def guardrail(compared: Sequence[Pair]) -> tuple[str, ...]:
    """The limits of the comparisons of a table, in sentences."""
    tested = [pair for pair in compared if pair.p is not None]
    if not tested:
        return ()
    seeds = min(pair.difference.n for pair in tested)
    count = len(tested)
    enough = seeds_for_superiority(SUPERIORITY, ALPHA, ALPHA)
    found = [_reachable(seeds, count)]
    if seeds < enough:
        found.append(
            f"To find that one configuration beats another in {100 * SUPERIORITY:.0f} % of pairs "
            f"of runs, with errors of 5 % of either kind, takes {enough} seeds of each."
        )
    if any(pair.examples for pair in compared):
        found.append(
            "Test examples are a second kind of evidence: they hold the trained networks fixed and "
            "ask about other examples; seeds hold the examples fixed and ask about other trainings."
        )
    return tuple(found)


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
