"""The answer in plain words, with its uncertainty, and never more sure than the runs allow."""

from __future__ import annotations

from collections.abc import Sequence

from seqbench.report import numbers
from seqbench.report.equal import equal_clause
from seqbench.report.pairs import ByExample, ByToken, Pair, lead
from seqbench.report.statistics.summary import Summary
from seqbench.report.statistics.unpaired import Unpaired
from seqbench.report.tables import Row, Table

_MORE_SEEDS = "run more seeds (seed=0,1,2,3,4)"


def question(tables: list[Table]) -> str:
    """What the runs can be asked, where nobody said what they were made to answer."""
    datasets = list(dict.fromkeys(table.data for table in tables))
    models = list(dict.fromkeys(row.model for table in tables for row in table.networks))
    if not datasets:
        return "What happened to these runs?"
    where = _listed(datasets)
    if len(models) == 1 and any(len(table.networks) > 1 for table in tables):
        return f"Which {models[0]} does best on {where}? By how much?"
    if len(models) < 2:
        return f"How well does {models[0] if models else 'a baseline'} do on {where}?"
    return f"Which does best on {where}: {_listed(sorted(models), 'or')}? By how much?"


def answer(table: Table, compared: Sequence[Pair] = ()) -> str:
    """A few sentences about one dataset.

    Args:
        table: its configurations.
        compared: their pairs, for what the test examples say beside the seeds.
    """
    networks, baselines = table.networks, table.baselines
    if not networks and not baselines and table.trials:
        return (
            f"On {table.data} there is a search of {len(table.trials)} completed trials, and none "
            "of its winner's runs on fresh seeds has a score yet: nothing can be said."
        )
    if not networks and not baselines:
        return f"No completed run on {table.data} has a score: nothing can be said."
    if not networks:
        best = baselines[0]
        return f"Of baselines alone, {best.label} is the best on {table.data}: {_score(best)}."
    best = networks[0]
    on = ", ".join(filter(None, (f"On {table.data}", equal_clause(table))))
    sentence = f"{on}, {best.label} reaches {_score(best)}"
    if len(networks) > 1:
        sentence += _against_network(best, networks[1], compared)
    sentence += "."
    if len(networks) > 1:
        sentence += _on_test(best, networks[1], compared)
    return f"{sentence} {_against_baseline(best, baselines[0])}" if baselines else sentence


def _against_network(best: Row, second: Row, compared: Sequence[Pair]) -> str:
    name = best.primary.name
    found = lead(best, second)
    if found.mean is None or found.low is None or found.high is None:
        shared = "no seed" if found.n == 0 else "one seed"
        unpaired = _pair_of(best, second, compared)
        if found.n == 0 and unpaired is not None and min(best.score.n, second.score.n) > 1:
            return (
                f", {second.label} {_score(second)}; with no seed in common they are compared "
                f"unpaired: a run of the first is better in {100 * unpaired.superiority:.0f} % of "
                f"cases (Mann\N{EN DASH}Whitney p = {numbers.p_value(unpaired.p)})"
            )
        return (
            f", {second.label} {_score(second)}; with {shared} in common nothing tells this "
            f"difference from chance: {_MORE_SEEDS}"
        )
    if found.low > 0:
        return (
            f": {_by(name, found)} better than the next, {second.label} "
            f"({numbers.interval(name, found)} over {found.n} paired seeds)"
        )
    if found.high < 0:
        behind = f"{numbers.difference(name, -found.mean)}{numbers.unit(name)}"
        return (
            f", but over the {found.n} seeds that both have, {second.label} ({_score(second)}) is "
            f"{behind} better: run both with the same seeds"
        )
    return (
        f", but {found.n} paired seeds cannot tell it from {second.label} ({_score(second)}): "
        f"the difference is {_by(name, found)}, {numbers.interval(name, found)}"
    )


def _pair_of(best: Row, second: Row, compared: Sequence[Pair]) -> Unpaired | None:
    pairs = (pair for pair in compared if (pair.first, pair.second) == (best, second))
    return next((pair.unpaired for pair in pairs), None)


def _on_test(best: Row, second: Row, compared: Sequence[Pair]) -> str:
    """The other certainty: these networks as they are, on other test data of the kind."""
    over_seeds = lead(best, second)
    for pair in compared:
        if (pair.first, pair.second) != (best, second):
            continue
        if pair.examples is not None:
            return _told(over_seeds, pair.examples, "examples", "accuracy", "points of accuracy")
        if pair.tokens is not None:
            return _told(over_seeds, pair.tokens, "tokens", "loss", "nats of loss")
    return ""


def _told(over_seeds: Summary, found: ByExample | ByToken, kind: str, name: str, unit: str) -> str:
    mean, low, high = (
        numbers.difference(name, value) for value in (found.difference, found.low, found.high)
    )
    return (
        f" The {numbers.grouped(found.n)} test {kind} {_says(over_seeds, found)}: these very "
        f"networks differ by {mean} {unit} there (95 % interval {low} to {high} over {kind})."
    )


def _says(over_seeds: Summary, found: ByExample | ByToken) -> str:
    """What the test data say, beside what the seeds say."""
    by_seeds = over_seeds.low is not None and over_seeds.low > 0
    if found.low > 0:
        return "say the same" if by_seeds else "alone would tell them apart"
    if found.high < 0:
        return "say the contrary"
    return "alone would not tell them apart" if by_seeds else "cannot tell them apart either"


def _against_baseline(best: Row, baseline: Row) -> str:
    name = best.primary.name
    found = lead(best, baseline)
    against = f"the best baseline, {baseline.label} ({_score(baseline)})"
    if found.mean is None:
        return f"It shares no seed with {against}."
    if found.low is None or found.high is None:
        better = "better than" if found.mean > 0 else "no better than"
        return (
            f"In its only seed it is {better} {against}; "
            f"how sure that is, one seed cannot say: {_MORE_SEEDS}."
        )
    if found.low > 0:
        return f"It beats {against} by {_by(name, found)} ({numbers.interval(name, found)})."
    if found.high < 0:
        lost = f"{numbers.difference(name, -found.mean)}{numbers.unit(name)}"
        return f"It does not beat {against}: it is {lost} worse ({numbers.interval(name, found)})."
    return (
        f"Whether it beats {against} is open: the difference is {_by(name, found)}, "
        f"{numbers.interval(name, found)}."
    )


def _score(row: Row) -> str:
    name = row.primary.name
    if row.score.n == 1:
        seeds = "" if row.baseline else " (one seed)"
    else:
        seeds = f" ({row.score.n} seeds)"
    return f"{numbers.metric_name(name)} {numbers.with_interval(name, row.score)}{seeds}"


def _by(name: str, found: Summary) -> str:
    assert found.mean is not None
    return f"{numbers.difference(name, found.mean)}{numbers.unit(name)}"


def _listed(names: list[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
