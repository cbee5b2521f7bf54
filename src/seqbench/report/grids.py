"""Tables beside the main one, as rows of text: pairs, claims, changes, several datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.report import numbers
from seqbench.report.across import Across
from seqbench.report.changes import Change, Changes
from seqbench.report.claims import Judged
from seqbench.report.pairs import Pair
from seqbench.report.samples import MEASURES, by_temperature
from seqbench.report.statistics.summary import Summary
from seqbench.report.tables import Row

_OVER_SEEDS = (
    "pair A \N{MINUS SIGN} B", "difference, 95 % interval", "seeds", "p", "p (Holm)", "Hedges' g",
    "P(A > B)",
)  # fmt: skip
_OVER_EXAMPLES = (
    "on test examples, 95 % interval", "only A : only B right", "McNemar p", "p (Holm)",
)  # fmt: skip
_OVER_TOKENS = ("loss on the same test tokens, 95 % interval",)
NUM_OVER_SEEDS = len(_OVER_SEEDS)
_MARKS = {
    "supported": "✓\N{NO-BREAK SPACE}supported",
    "refuted": "✗\N{NO-BREAK SPACE}refuted",
    "inconclusive": "?\N{NO-BREAK SPACE}inconclusive",
}


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Attributes:
        heads: the heads of its columns.
        rows: as many cells each.
        notes: how to read it.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def pairs_grid(pairs: Sequence[Pair]) -> Grid | None:
    """The contenders two by two: over seeds, and over test examples or tokens."""
    told = [
        pair for pair in pairs if pair.difference.n or pair.examples or pair.tokens or pair.unpaired
    ]
    if not told:
        return None
    heads: tuple[str, ...] = _OVER_SEEDS
    rows = [_over_seeds(pair) for pair in told]
    if any(pair.examples for pair in told):
        heads += _OVER_EXAMPLES
        rows = [row + _over_examples(pair) for row, pair in zip(rows, told, strict=True)]
    if any(pair.tokens for pair in told):
        heads += _OVER_TOKENS
        rows = [row + _over_tokens(pair) for row, pair in zip(rows, told, strict=True)]
    return Grid(heads, tuple(rows), _pair_notes(told))


def _over_seeds(pair: Pair) -> tuple[str, ...]:
    name = pair.first.primary.name
    return (
        f"{pair.first.label} \N{MINUS SIGN} {pair.second.label}",
        _effect(name, pair.difference),
        str(pair.difference.n),
        numbers.p_value(pair.p),
        numbers.p_value(pair.p_holm),
        numbers.NONE if pair.g is None else _signed(pair.g, 2),
        _unpaired(pair),
    )


def _unpaired(pair: Pair) -> str:
    if pair.unpaired is None:
        return numbers.NONE
    share, p = f"{100 * pair.unpaired.superiority:.0f} %", numbers.p_value(pair.unpaired.p)
    return f"{share} (p {p})".replace(" ", "\N{NO-BREAK SPACE}")


def _over_examples(pair: Pair) -> tuple[str, ...]:
    found = pair.examples
    if found is None:
        return (numbers.NONE,) * 4
    ends = (numbers.difference("accuracy", end) for end in (found.low, found.high))
    return (
        f"{numbers.difference('accuracy', found.difference)} ({' to '.join(ends)}) points",
        f"{found.only_first:.0f} : {found.only_second:.0f}",
        numbers.p_value(found.p),
        numbers.p_value(found.p_holm),
    )


def _over_tokens(pair: Pair) -> tuple[str, ...]:
    found = pair.tokens
    if found is None:
        return (numbers.NONE,)
    mean, low, high = (
        numbers.difference("loss", value) for value in (found.difference, found.low, found.high)
    )
    return (f"{mean} ({low} to {high}) nats",)


def _pair_notes(pairs: Sequence[Pair]) -> tuple[str, ...]:
    notes = [
        "Differences are in favour of the first where they are positive. p: exact sign-flip test "
        "over paired seeds. Hedges' g: difference in units of the pooled standard deviation. "
        "P(A > B): how often a run of the first beats one of the second, whatever the seeds "
        "(Cliff's delta is twice that less one), and Mann\N{EN DASH}Whitney's p."
    ]
    if any(pair.examples for pair in pairs):
        notes.append(
            "On test examples: shares classified rightly by the same networks, bootstrapped over "
            "examples; McNemar's exact test a pair of seeds, combined by the median rule."
        )
    if blocks := sorted({pair.tokens.block for pair in pairs if pair.tokens}):
        span = " to ".join(dict.fromkeys(map(str, (blocks[0], blocks[-1]))))
        notes.append(
            "On the same test tokens: how much lower the first's loss is, in nats per token, for "
            "the same networks. Neighbouring tokens depend on each other, so the interval is that "
            f"of a circular block bootstrap, blocks of {span} tokens: it tells how much the "
            "difference varies over such texts, not from seed to seed."
        )
    constants = sorted({pair.constant.label for pair in pairs if pair.constant is not None})
    if constants:
        notes.append(
            f"{', '.join(constants)} has one score, whatever the seed: others are compared with it "
            "as with a constant."
        )
    return tuple(notes)


def samples_grid(rows: Sequence[Row]) -> Grid | None:
    """The figures of what language models wrote, a model and a temperature a row."""
    lines = []
    for row in rows:
        figures = [dict(by_temperature(row, measure)) for measure in MEASURES]
        for temperature in sorted(set().union(*figures)):
            values = (of_measure.get(temperature) for of_measure in figures)
            shown = (numbers.NONE if value is None else f"{value:.3g}" for value in values)
            lines.append((row.label, f"{temperature:g}", *shown))
    if not lines:
        return None
    return Grid(("model", "temperature", *MEASURES.values()), tuple(lines), ("Means over seeds.",))


def claims_grid(claims: Sequence[Judged]) -> Grid | None:
    """Each claim with its verdict and the evidence."""
    if not claims:
        return None
    several = len({judged.data for judged in claims}) > 1
    heads = ("verdict", "claim", *(("data",) if several else ()), "evidence")
    rows = [
        (
            _MARKS[judged.verdict],
            judged.stated.claim,
            *((judged.data or numbers.NONE,) if several else ()),
            evidence(judged),
        )
        for judged in claims
    ]
    notes = (
        "Stated in the study before its runs. Supported: the whole 95 % interval lies beyond the "
        "smallest effect that was said to matter. Refuted: the whole interval lies short of it. "
        "Inconclusive: neither.",
    )
    return Grid(heads, tuple(rows), notes)


def evidence(judged: Judged) -> str:
    """What was claimed, in numbers, and what was found."""
    stated, effect = judged.stated, judged.effect
    claimed = {"greater": ">", "less": "<", "equal": "="}[stated.direction]
    sides = [_side(side) for side in (stated.first, stated.second)]
    asked = f"{numbers.metric_name(stated.metric)} of {sides[0]} {claimed} {sides[1]}"
    asked += f", smallest effect {_amount(judged, stated.smallest_effect)}"
    if effect.mean is None:
        return f"{asked}: {judged.reason}"
    found = f"{asked}: {_amount(judged, effect.mean, signed=True)}"
    if effect.low is None or effect.high is None:
        return f"{found}; {judged.reason}"
    ends = [_amount(judged, end, signed=True) for end in (effect.low, effect.high)]
    found = f"{found}, 95 % interval {ends[0]} to {ends[1]} over {effect.n} seeds"
    return f"{found}, each with its own {', '.join(judged.own)}" if judged.own else found


def _side(wanted: dict[str, object]) -> str:
    if set(wanted) == {"model"}:
        return str(wanted["model"]).removeprefix("baseline/")
    return ", ".join(f"{key}={value}" for key, value in wanted.items())


def _amount(judged: Judged, value: float, *, signed: bool = False) -> str:
    name, sign = judged.stated.metric, "+" if signed and value > 0 else ""
    if judged.stated.relative:
        return f"{sign}{numbers.difference('accuracy', value)} %"
    return f"{sign}{numbers.difference(name, value)}{numbers.unit(name)}"


def changes_grid(found: Changes) -> Grid:
    """Before and after, a configuration a row."""
    notes = ["Differences are over the seeds that both have; positive where it became better."]
    if found.only:
        notes.append(f"In one of the two alone: {', '.join(found.only)}.")
    heads = ("model", found.before, found.after, "difference, 95 % interval", "seeds")
    return Grid(heads, tuple(map(_change, found.rows)), tuple(notes))


def _change(change: Change) -> tuple[str, ...]:
    name = change.after.primary.name
    return (
        change.label,
        numbers.with_interval(name, change.before.score),
        numbers.with_interval(name, change.after.score),
        _effect(name, change.difference),
        str(change.difference.n),
    )


def across_grid(found: Across) -> Grid:
    """Interquartile means over datasets, with how scores were normalised."""
    rows = tuple(
        (
            row.label,
            f"{100 * row.mean:.1f} % ({100 * row.low:.1f} to {100 * row.high:.1f})",
            str(row.n),
        )
        for row in found.rows
    )
    scales = (
        f"On {scale.data} 0 % is {scale.floor[0]:.4g} ({scale.floor[1]}) and 100 % is "
        f"{scale.ceiling[0]:.4g} ({scale.ceiling[1]})."
        for scale in found.scales
    )
    method = (
        f"Interquartile mean of normalised {found.metric} over all runs, with a 95 % bootstrap "
        "interval stratified by dataset (Agarwal et al. 2021)."
    )
    points = [row.label for row in found.rows if row.n == len(found.scales)]
    lone = (f"One run of each dataset allows no interval: {', '.join(points)}.",) if points else ()
    return Grid(("model", "interquartile mean", "runs"), rows, (method, *scales, *lone))


def _effect(name: str, found: Summary) -> str:
    if found.mean is None:
        return numbers.NONE
    text = numbers.difference(name, found.mean)
    if found.low is not None and found.high is not None:
        ends = (numbers.difference(name, end) for end in (found.low, found.high))
        text += f" ({' to '.join(ends)})"
    return text + numbers.unit(name)


def _signed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")
