"""Which keys of a config can change a result: what a run is named by, and compared by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Cannot change a result. Thread count, precision and world size can: they stay in.
EXCLUDED = (
    "paths",
    "logger",
    "tags",
    "study",
    "force",
    "question",
    "claims",
    "choices",
    "run_id",
    "search",
    "callbacks.progress",
    "data.num_workers",
    "trainer.checkpoint_every",
    "trainer.log_every",
    "trainer.profiler",
)


# Asked for nothing, a budget does not count: runs are called as before there were any.
_BUDGET, _ASKED = "budget", ("params", "flops", "seconds")


def without(config: Mapping[str, Any], excluded: frozenset[str], at: str = "") -> dict[str, Any]:
    """The config without the nodes at these dotted paths, and without a budget of nothing.

    Args:
        config: plain containers.
        excluded: e.g. `frozenset(EXCLUDED)`.
        at: the path of `config` itself, with a dot at its end.
    """
    kept: dict[str, Any] = {}
    for key, value in config.items():
        path = f"{at}{key}"
        if path in excluded or (path == _BUDGET and _is_unset(value)):
            continue
        kept[str(key)] = (
            without(value, excluded, f"{path}.") if isinstance(value, Mapping) else value
        )
    return kept


def _is_unset(budget: Any) -> bool:
    return isinstance(budget, Mapping) and all(budget.get(key) is None for key in _ASKED)
