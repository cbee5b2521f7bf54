"""What a study claims before it runs: one contrast of one metric, and how much would matter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from seqbench.errors import RecordError
from seqbench.records.record import Cost, Samples

Direction = Literal["greater", "less", "equal"]
COSTS = frozenset(item.name for item in fields(Cost))
OF_SAMPLES = "samples."
"""Begins the metrics that are figures of what a language model wrote."""

TEMPERATURE = f"{OF_SAMPLES}temperature"
FIGURES = frozenset(
    f"{OF_SAMPLES}{item.name}"
    for item in fields(Samples)
    if item.name not in ("temperature", "prompts", "texts", "tokens")
)


@dataclass(frozen=True, kw_only=True)
class StatedClaim:
    """A claim of a study, as its YAML states it under `claims`.

    Attributes:
        claim: the claim in words.
        metric: a test score ("accuracy"), a cost ("train_seconds", "parameters"), or a figure of
            the texts that a language model wrote ("samples.entropy").
        first: what tells the first side's runs: config keys and their values; "model" and "data"
            stand for the option taken of the group; "samples.temperature" for the texts of a run
            that were drawn at it, so that one run can be on both sides.
        second: the same for the second side.
        direction: what is claimed of first - second: "greater", "less" or "equal".
        smallest_effect: the smallest difference that matters, in the metric's own unit; with
            `relative` as a share of the second side's mean.
        relative: whether the effect is (first - second) / mean of second.
    """

    claim: str
    metric: str
    first: dict[str, Any]
    second: dict[str, Any]
    direction: Direction
    smallest_effect: float = 0.0
    relative: bool = False

    @classmethod
    def of(cls, plain: Any, name: str = "claims") -> StatedClaim:
        """The claim that a YAML states.

        Args:
            plain: a mapping.
            name: where it stands, for errors.

        Raises:
            RecordError: a key is unknown, missing or of the wrong kind.
        """
        if not isinstance(plain, Mapping):
            raise RecordError(name, expected="a mapping", got=repr(plain))
        known = [field.name for field in fields(cls)]
        _refuse(sorted(set(plain) - set(known)), f"{name}: unknown keys", known)
        needed = {"claim", "metric", "first", "second", "direction"}
        _refuse(sorted(needed - set(plain)), f"{name}: missing keys", known)
        stated = cls(**{str(key): value for key, value in plain.items()})
        stated._check(name)
        return stated

    def _check(self, name: str) -> None:
        for key in ("claim", "metric"):
            if not isinstance(getattr(self, key), str) or not getattr(self, key):
                raise RecordError(f"{name}.{key}", expected="text", got=repr(getattr(self, key)))
        if self.direction not in get_args(Direction):
            expected = f"one of {', '.join(get_args(Direction))}"
            raise RecordError(f"{name}.direction", expected=expected, got=repr(self.direction))
        for key in ("first", "second"):
            side = getattr(self, key)
            if not isinstance(side, Mapping) or not side:
                expected = "config keys with values, such as {model: gru}"
                raise RecordError(f"{name}.{key}", expected=expected, got=repr(side))
        self._check_samples(name)
        if dict(self.first) == dict(self.second):
            raise RecordError(f"{name}.second", expected="another side than first", got="the same")
        effect = self.smallest_effect
        number = isinstance(effect, int | float) and not isinstance(effect, bool)
        if not number or not math.isfinite(effect) or effect < 0:
            expected = "a number that is not negative"
            raise RecordError(f"{name}.smallest_effect", expected=expected, got=repr(effect))
        if self.direction == "equal" and effect == 0:
            expected = "more than 0 where sides are claimed to be equal"
            raise RecordError(f"{name}.smallest_effect", expected=expected, got="0")
        if not isinstance(self.relative, bool):
            raise RecordError(f"{name}.relative", expected="true or false", got=repr(self.relative))

    def _check_samples(self, name: str) -> None:
        """A figure of texts is one of texts at a temperature; other metrics have none."""
        wanted = self.metric.startswith(OF_SAMPLES)
        if wanted and self.metric not in FIGURES:
            expected = f"one of {', '.join(sorted(FIGURES))}"
            raise RecordError(f"{name}.metric", expected=expected, got=repr(self.metric))
        for key, side in (("first", self.first), ("second", self.second)):
            value = side.get(TEMPERATURE)
            if _is_temperature(value) if wanted else TEMPERATURE not in side:
                continue
            of = f"metric={self.metric}"
            expected = f"a temperature with {of}" if wanted else f"nothing with {of}"
            got = repr(value) if TEMPERATURE in side else "nothing"
            raise RecordError(f"{name}.{key}.{TEMPERATURE}", expected=expected, got=got)


def stated_claims(config: Mapping[str, Any]) -> tuple[list[StatedClaim], list[RecordError]]:
    """The claims of a run's config, and what is wrong with those that nobody can judge."""
    plain = config.get("claims") or []
    if not isinstance(plain, Sequence) or isinstance(plain, str):
        return [], [RecordError("claims", expected="a list of claims", got=repr(plain))]
    found: list[StatedClaim] = []
    wrong: list[RecordError] = []
    for number, each in enumerate(plain):
        try:
            found.append(StatedClaim.of(each, f"claims[{number}]"))
        except RecordError as error:
            wrong.append(error)
    return found, wrong


def _is_temperature(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _refuse(keys: Sequence[str], name: str, known: Sequence[str]) -> None:
    if keys:
        raise RecordError(name, expected=f"some of {', '.join(known)}", got=", ".join(keys))
