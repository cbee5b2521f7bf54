"""Numbers as text: one rule for the terminal, the page and Markdown."""

from __future__ import annotations

from seqbench.records.durations import words
from seqbench.report.statistics.summary import Summary

NONE = "\N{EN DASH}"
_SHARES = {"accuracy", "macro_f1", "calibration_error", "exact_match"}
_NAMES = {
    "macro_f1": "macro-F1",
    "train_seconds": "training time",
    "tokens_per_second": "tokens/s",
    "peak_memory_bytes": "peak memory",
    "state_bytes": "state size",
    "flops": "training FLOPs",
    "samples.entropy": "entropy of texts",
    "samples.perplexity": "perplexity of texts",
    "samples.repetition": "repetition in texts",
    "samples.distinct_1": "distinct-1 of texts",
    "samples.distinct_2": "distinct-2 of texts",
    "samples.distinct_3": "distinct-3 of texts",
}
_UNITS = {
    "train_seconds": " s",
    "peak_memory_bytes": " B",
    "state_bytes": " B",
    "samples.entropy": " nats",
    "loss": " nats",
}


def metric_name(name: str) -> str:
    """The metric as a reader knows it."""
    return _NAMES.get(name, name.replace("_", " "))


def is_share(name: str) -> bool:
    """Whether the metric lies between 0 and 1 and is shown in per cent."""
    return name in _SHARES


def score(name: str, value: float | None) -> str:
    """A score: shares in per cent to one decimal, others to four significant digits."""
    if value is None:
        return NONE
    return f"{100 * value:.1f} %" if is_share(name) else f"{value:.4g}"


def difference(name: str, value: float) -> str:
    """A difference of scores without its unit, signed with a true minus."""
    text = f"{100 * value:.1f}" if is_share(name) else f"{value:.3g}"
    return "0.0" if text == "-0.0" else text.replace("-", "\N{MINUS SIGN}")


def unit(name: str) -> str:
    """The unit of a difference, with the space before it."""
    return " points" if is_share(name) else _UNITS.get(name, "")


def with_interval(name: str, summary: Summary) -> str:
    """Mean ± half the interval; the mean alone where one run allows no interval."""
    if summary.mean is None or summary.half_width is None:
        return score(name, summary.mean)
    if is_share(name):
        return f"{100 * summary.mean:.1f} ± {100 * summary.half_width:.1f} %"
    return f"{summary.mean:.4g} ± {summary.half_width:.2g}"


def interval(name: str, found: Summary) -> str:
    """The 95 % interval of a difference, in words; empty where there is none."""
    if found.low is None or found.high is None:
        return ""
    return f"95 % interval {difference(name, found.low)} to {difference(name, found.high)}"


def p_value(value: float | None) -> str:
    """A p-value to two digits; none is smaller than it can be told."""
    if value is None:
        return NONE
    if value < 0.001:
        return "< .001"
    return f"{value:.2f}".lstrip("0") if value >= 0.1 else f"{value:.2g}".lstrip("0")


def share(value: float | None) -> str:
    """A share in per cent to one decimal."""
    return NONE if value is None else f"{100 * value:.1f} %"


def count(value: float | None) -> str:
    """A count to three digits: 950, 12.3 k, 4.56 M."""
    if value is None:
        return NONE
    value = float(f"{value:.3g}")  # rounded first: 999,900 is 1 M, not 1000 k
    for limit, sign in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {sign}"
    return f"{value:.0f}"


def grouped(value: int) -> str:
    """A whole number with its thousands set apart: 25,000."""
    return f"{value:,}"


def size(value: float | None) -> str:
    """Bytes to three digits: 640 B, 4.1 kB, 1.2 GB."""
    return NONE if value is None else f"{count(value)}B" if value >= 1000 else f"{value:.0f} B"


def duration(seconds: float | None) -> str:
    """A duration: < 0.1 s, 0.42 s, 42 s, 3 min 05 s, 2 h 10 min."""
    if seconds is None:
        return NONE
    if seconds < 0.1:
        return "< 0.1 s"
    if seconds < 10:
        return f"{seconds:.2g} s"
    return words(seconds)
