"""A run's part in a search over hyperparameters: a trial of it, or its winner run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seqbench.records.plain_json import load_json

STUDY = "study.json"  # in the study's folder: what its search found out
SEARCH = "search"  # the key of a run's config, no part of its identity; filled in by the sweeper


@dataclass(frozen=True, kw_only=True)
class SearchPart:
    """What the config of a run says of the search that it belongs to.

    Attributes:
        phase: "trial" was made to be chosen from, by its validation; "final" is a chosen
            configuration on a fresh seed, whose test scores may be reported.
        sampler: the class that drew the search's configurations.
        at_random: whether it drew them independently of what it saw.
        pruner: the class that gave trials up; None where all were trained to their end.
    """

    phase: Literal["trial", "final"]
    sampler: str
    at_random: bool
    pruner: str | None = None


def search_part(config: Mapping[str, Any]) -> SearchPart | None:
    """The part that a resolved config names; None for a run of no search."""
    node = config.get(SEARCH)
    if not isinstance(node, Mapping):
        return None
    return SearchPart(
        phase="final" if node.get("phase") == "final" else "trial",
        sampler=str(node.get("sampler")),
        at_random=bool(node.get("at_random")),
        pruner=None if node.get("pruner") is None else str(node["pruner"]),
    )


def is_trial(config: Mapping[str, Any]) -> bool:
    """Whether the run was made to be chosen from: its test scores are no result."""
    part = search_part(config)
    return part is not None and part.phase == "trial"


@dataclass(frozen=True, kw_only=True)
class NamedRuns:
    """The runs that a search now consists of.

    Attributes:
        trials: made to be chosen from, or chosen among as they were there.
        finals: its winner's, on fresh seeds.
    """

    trials: frozenset[str]
    finals: frozenset[str]


def named_runs(study: Path) -> NamedRuns | None:
    """The runs that a search now consists of, by its `study.json`.

    None where nothing says so: what the folder holds is then all that is known.

    Args:
        study: the study's folder.
    """
    try:
        plain = load_json((study / STUDY).read_text(encoding="utf-8"))
        trials = [str(trial["run_id"]) for trial in plain["trials"]]
        finals = [str(run_id) for run_ids in plain["finals"].values() for run_id in run_ids]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return NamedRuns(trials=frozenset(trials), finals=frozenset(finals))
