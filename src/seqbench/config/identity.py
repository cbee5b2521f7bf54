"""Which run is it? A name computed from everything that can change its result, and nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from seqbench.records.identity import EXCLUDED, without


def run_id(config: Mapping[str, Any], choices: Mapping[str, str | None]) -> str:
    """`<data>-<model>-s<seed>-<hash8>`.

    Args:
        config: the resolved config, plain containers.
        choices: the option chosen of each group.
    """
    data, model = name_of("data", config, choices), name_of("model", config, choices)
    return f"{data}-{model}-s{config['seed']}-{fingerprint(config)}"


def fingerprint(config: Mapping[str, Any]) -> str:
    """Eight hex digits over the canonical JSON of the keys that can change the result."""
    counted = without(config, frozenset(EXCLUDED))
    text = json.dumps(counted, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def name_of(group: str, config: Mapping[str, Any], choices: Mapping[str, str | None]) -> str:
    """What the run id calls a node: its option's stem, or the user's own class in snake case."""
    choice = choices.get(group)
    target = str((config.get(group) or {}).get("_target_", ""))
    if choice is None or not target.startswith("seqbench."):
        name = target.rpartition(".")[2] or choice or group
        return _plain(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name))
    return _plain(choice.rpartition("/")[2])


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_") or "unnamed"
