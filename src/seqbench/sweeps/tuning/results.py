"""`study.json` and `trials.csv`: what a search found out, to be read without Optuna."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqbench.records.plain_json import load_json
from seqbench.records.searches import STUDY
from seqbench.records.secrets import without_secrets
from seqbench.records.store import write_atomic
from seqbench.sweeps.tuning.objectives import Objective
from seqbench.sweeps.tuning.settings import TuningSettings
from seqbench.sweeps.tuning.trials import Trial

TABLE = "trials.csv"


def write_results(
    folder: Path,
    study: str,
    settings: TuningSettings,
    objectives: Sequence[Objective],
    trials: Sequence[Trial],
    best: Sequence[Trial],
    finals: Mapping[int, Sequence[str]],
) -> None:
    """Writes both files.

    `study.json` holds `study`, `objectives` (name and direction), `sampler`, `pruner`, `seed`,
    `n_trials`, `params` (as they were said), `counts` by state, `best` (numbers of trials),
    `finals` (by number, the runs of the best on fresh seeds; what others left is superseded) and
    `trials`: of each `number`, `state`, `run_id`, `params`, `values` (one an objective; none but of
    a completed one), `validations` (the objective at each, null where it was not finite or the run
    has gone back before it) and `reason`. `trials.csv` has a row a trial: `number`, `state`,
    `run_id`, a column a hyperparameter, a column an objective, `reason`. Numbers that are not there
    are failed trials that were tried again, and draws that were killed.

    Raises:
        RecordError: the folder cannot be written to.
    """
    document = {
        "study": study,
        "objectives": [{"name": o.name, "direction": o.direction} for o in objectives],
        "sampler": settings.sampler,
        "pruner": settings.pruner,
        "seed": settings.seed,
        "n_trials": settings.n_trials,
        "params": settings.params,
        "counts": counts(trials),
        "best": [trial.number for trial in best],
        "finals": {str(number): list(run_ids) for number, run_ids in finals.items()},
        "trials": [_plain(trial) for trial in trials],
    }
    document = without_secrets(document)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(folder / STUDY, text + "\n")
    write_atomic(folder / TABLE, _table(objectives, trials))


def counts(trials: Sequence[Trial]) -> dict[str, int]:
    """How many trials are in which state."""
    found = Counter(trial.state for trial in trials)
    return {state: found[state] for state in ("completed", "pruned", "failed", "running")}


def read_counts(folder: Path) -> dict[str, int]:
    """The counts as they were last written; empty where they were not."""
    try:
        found = _written(folder)["counts"]
        return {str(state): int(count) for state, count in found.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def read_ends(folder: Path) -> list[tuple[str, str | None]]:
    """State and run of each trial as they were last written; empty where they were not."""
    try:
        return [(str(each["state"]), each["run_id"]) for each in _written(folder)["trials"]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def read_finals(folder: Path, trials: Sequence[Trial]) -> dict[int, list[str]]:
    """The winners' runs as they were last written, of trials that are still what they were."""
    now = {trial.number: trial.values for trial in trials}
    try:
        found = _written(folder)
        then = {int(each["number"]): each["params"] for each in found["trials"]}
        finals = {int(number): list(map(str, ids)) for number, ids in found["finals"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return {n: ids for n, ids in finals.items() if n in now and then.get(n) == now[n]}


def _written(folder: Path) -> Any:
    return load_json((folder / STUDY).read_text(encoding="utf-8"))


def _plain(trial: Trial) -> dict[str, Any]:
    validations = trial.validations or {}
    return {
        "number": trial.number,
        "state": trial.state,
        "run_id": trial.run_id,
        "params": trial.values,
        "values": list(trial.results),
        "validations": [_finite(validations[at]) for at in sorted(validations)],
        "reason": trial.reason,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _table(objectives: Sequence[Objective], trials: Sequence[Trial]) -> str:
    keys = list(dict.fromkeys(key for trial in trials for key in trial.values))
    names = [objective.name for objective in objectives]
    out = io.StringIO()
    writer = csv.DictWriter(
        out, ["number", "state", "run_id", *keys, *names, "reason"], lineterminator="\n"
    )
    writer.writeheader()
    for trial in trials:
        results: Mapping[str, float] = dict(zip(names, trial.results, strict=False))
        row = {"number": trial.number, "state": trial.state, "run_id": trial.run_id}
        writer.writerow({**row, **trial.values, **results, "reason": trial.reason})
    return out.getvalue()
