"""What language models wrote by themselves: texts side by side, figures by temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.report.statistics.summary import summarize
from seqbench.report.tables import Row

MEASURES = {
    "entropy": "entropy of what is drawn from, nats",
    "distinct_2": "distinct pairs of tokens, share",
    "repetition": "tokens that repeat an earlier run of four, share",
    "perplexity": "perplexity under the model itself",
}
_SHOWN = 400  # characters of a text


@dataclass(frozen=True)
class Written:
    """A text that one model wrote.

    Attributes:
        model: its label.
        temperature: that it was drawn at.
        prompt: what it goes on from, its end.
        text: its beginning.
    """

    model: str
    temperature: float
    prompt: str
    text: str


def written(rows: Sequence[Row]) -> tuple[Written, ...]:
    """The first text of each model's first run at each temperature, side by side."""
    found = []
    for row in rows:
        run = next((run for run in row.runs if run.record.scores.samples), None)
        for sample in run.record.scores.samples if run is not None else ():
            if sample.texts:
                prompt = sample.prompts[0][-_SHOWN // 4 :] if sample.prompts else ""
                text = sample.texts[0][:_SHOWN]
                found.append(Written(row.label, sample.temperature, prompt, text))
    return tuple(sorted(found, key=lambda each: each.temperature))


def of_the_best(found: Sequence[Written]) -> tuple[Written, ...]:
    """Those of the configuration that ranks highest: a text a temperature."""
    return tuple(each for each in found if each.model == found[0].model)


def by_temperature(row: Row, measure: str) -> list[tuple[float, float]]:
    """A figure of the samples, mean over seeds, at each temperature."""
    values: dict[float, list[float | None]] = {}
    for run in row.runs:
        for sample in run.record.scores.samples:
            values.setdefault(sample.temperature, []).append(getattr(sample, measure))
    means = {temperature: summarize(each).mean for temperature, each in sorted(values.items())}
    return [(temperature, mean) for temperature, mean in means.items() if mean is not None]
