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
    "callbacks.progress",
    "data.num_workers",
    "trainer.checkpoint_every",
    "trainer.log_every",
    "trainer.profiler",
)


def without(config: Mapping[str, Any], excluded: frozenset[str], at: str = "") -> dict[str, Any]:
    """The config without the nodes at these dotted paths.

    Args:
        config: plain containers.
        excluded: e.g. `frozenset(EXCLUDED)`.
        at: the path of `config` itself, with a dot at its end.
    """
    kept: dict[str, Any] = {}
    for key, value in config.items():
        path = f"{at}{key}"
        if path in excluded:
            continue
        kept[str(key)] = (
            without(value, excluded, f"{path}.") if isinstance(value, Mapping) else value
        )
    return kept
