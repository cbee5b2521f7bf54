"""What a study was made for and by: what may not change while it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import distribution_to_json

from seqbench.errors import ConfigError
from seqbench.sweeps.tuning.objectives import Objective
from seqbench.sweeps.tuning.settings import SWEEPER
from seqbench.sweeps.tuning.space import Space

_ANOTHER = "give the search another name with study=NAME"
_AS_BEFORE = f"{_ANOTHER}, or say what was said before"
_AGAIN = f"{_ANOTHER}, or have all its trials done again with rerun=stale"


def description(
    space: Space,
    objectives: Sequence[Objective],
    made_of: Mapping[str, Any],
    made_by: Mapping[str, str],
) -> dict[str, Any]:
    """The description of a study, in plain containers.

    Args:
        space: what is searched.
        objectives: what is to be best.
        made_of: what else is said, by key: what is the same for all trials and counts.
        made_by: the hash of the "code", and the version of each library.
    """
    plain = {
        "space": {
            key: json.loads(distribution_to_json(item)) for key, item in space.distributions.items()
        },
        "said": {key: str(item) for key, item in space.searched.items()},
        "objectives": {each.name: each.direction for each in objectives},
        "fixed": dict(made_of),
        "made_by": dict(made_by),
    }
    found: dict[str, Any] = json.loads(json.dumps(plain))
    return found


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[ConfigError]:
    """What is not said as it was when the study began."""
    found: list[ConfigError] = []
    for key in {**then["space"], **now["space"]}:
        if then["space"].get(key) != now["space"].get(key):
            found.append(
                _changed(
                    key,
                    then["said"].get(key, "it not to be searched"),
                    now["said"].get(key, "it not to be searched"),
                )
            )
    if then["objectives"] != now["objectives"]:
        found.append(
            _changed(f"{SWEEPER}.objective", _said(then["objectives"]), _said(now["objectives"]))
        )
    if found:  # what is searched no more, or is now, is no news beside that
        return found
    for key in {**then["fixed"], **now["fixed"]}:
        before, after = then["fixed"].get(key), now["fixed"].get(key)
        if before != after:
            found.append(_changed(key, json.dumps(before), json.dumps(after)))
    return found


def other_makers(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[ConfigError]:
    """The code and the libraries that are not those that the study began with."""
    before, after = then.get("made_by", {}), now["made_by"]
    return [
        _changed(key, before.get(key, "none"), after.get(key, "none"), _AGAIN)
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]


def other_data() -> ConfigError:
    """The data is not that which the study began with."""
    return ConfigError(
        "data", expected="the data with which the study began", got="other data", remedy=_AGAIN
    )


def _changed(key: str, then: str, now: str, remedy: str = _AS_BEFORE) -> ConfigError:
    return ConfigError(key, expected=f"{then}, as when the study began", got=now, remedy=remedy)


def _said(objectives: Mapping[str, str]) -> str:
    return ", ".join(f"{direction} {name}" for name, direction in objectives.items())
