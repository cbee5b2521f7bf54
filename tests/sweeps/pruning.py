"""What pruning saves: studies of random search run without a pruner, then again with one.

    python tests/sweeps/pruning.py tune_cnn_lstm --seeds 1 2 3 --out DIR

Each study is run as it stands with each seed of its sampler (one that is there already is taken as
it is), then once more with the pruner, both for real: the same sampler with the same seed draws the
same trials, so that what differs is the pruner's doing. The full histories are also played to every
pruner that is shipped, as if they had run two at a time, in their order and in others, which costs
seconds; so a pruner is chosen by searches that do not judge it.

Pruning has kept its word where, over the repeats, at least 40 % of the epochs are saved in the
mean, and no best validation value is more than half a point off that without it.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from seqbench.config.instantiate import instantiate
from seqbench.config.locations import configs_root
from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics

AT_ONCE = 2
ORDERS = 25
PRUNERS = ("median", "asha", "hyperband")
SAVED, CLOSE = 0.40, 0.005


@dataclass(frozen=True)
class History:
    """A trial that was trained to its end.

    Attributes:
        number: the trial's.
        values: its validations, one an epoch.
        seconds: when each was known, counted from its start.
    """

    number: int
    values: tuple[float, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Saved:
    """What a pruner makes of a search.

    Attributes:
        epochs: that were trained, of how many without it.
        best: the best validation value, with and without it.
        pruned: trials that were given up.
    """

    epochs: tuple[int, int]
    best: tuple[float, float]
    pruned: int

    @property
    def share(self) -> float:
        """Of the epochs that were saved."""
        return 1 - self.epochs[0] / self.epochs[1]

    def line(self) -> str:
        """In words."""
        return (
            f"{self.epochs[0]} of {self.epochs[1]} epochs ({100 * self.share:.0f} % saved), "
            f"{self.pruned} pruned; best {self.best[0]:.4f}, without {self.best[1]:.4f}"
        )


def replayed(histories: Sequence[History], pruner: optuna.pruners.BasePruner) -> Saved:
    """Plays the trials to the pruner, as many at a time as would have run, in order of time.

    A trial ends at the validation at which the pruner gives it up.
    """
    # Hyperband deals trials out to its brackets by the study's name.
    study = optuna.create_study(study_name="replayed", direction="maximize", pruner=pruner)
    waiting, running = list(histories), list[tuple[float, int, int, History, Any]]()
    done: list[tuple[History, int]] = []

    def start(now: float) -> None:
        if waiting:
            history = waiting.pop(0)
            heapq.heappush(running, (now + history.seconds[0], history.number, 1, history,
                                     study.ask()))  # fmt: skip

    for _ in range(AT_ONCE):
        start(0.0)
    while running:
        now, number, epoch, history, trial = heapq.heappop(running)
        trial.report(history.values[epoch - 1], epoch)
        last = epoch == len(history.values)
        if not last and not trial.should_prune():
            wait = history.seconds[epoch] - history.seconds[epoch - 1]
            heapq.heappush(running, (now + wait, number, epoch + 1, history, trial))
            continue
        if last:
            study.tell(trial, max(history.values))
        else:
            study.tell(trial, state=TrialState.PRUNED)
        done.append((history, epoch))
        start(now)
    kept = [max(h.values) for h, epoch in done if epoch == len(h.values)]
    return Saved(
        epochs=(sum(epoch for _, epoch in done), sum(len(h.values) for h in histories)),
        best=(max(kept), max(max(h.values) for h in histories)),
        pruned=sum(epoch < len(h.values) for h, epoch in done),
    )


def replayed_in_other_orders(histories: Sequence[History], name: str) -> str:
    """What a shipped pruner makes of the trials had they been drawn in other orders, in words."""
    order = random.Random(0)
    outcomes = []
    for _ in range(ORDERS):
        shuffled = order.sample(histories, len(histories))
        drawn = [replace(each, number=number) for number, each in enumerate(shuffled)]
        outcomes.append(replayed(drawn, pruner_of(name)))
    lost = [each.best[1] - each.best[0] for each in outcomes]
    return (
        f"{100 * statistics.mean(each.share for each in outcomes):.0f} % saved and "
        f"{100 * statistics.mean(lost):.2f} points lost in the mean of {ORDERS} orders, "
        f"{sum(each <= CLOSE for each in lost)} of them within {100 * CLOSE:g} points"
    )


def histories_of(study: Path) -> list[History]:
    """The completed trials of a search, by number."""
    found: list[History] = []
    document = json.loads((study / "study.json").read_text())
    metric = document["objectives"][0]["name"]
    seen: set[str] = set()
    for trial in document["trials"]:
        if trial["state"] != "completed" or trial["run_id"] in seen:
            continue
        seen.add(trial["run_id"])
        rows = [row for row in read_metrics(RunFolder(study / trial["run_id"]).metrics)
                if metric in row]  # fmt: skip
        found.append(
            History(
                trial["number"],
                tuple(float("-inf") if row[metric] is None else row[metric] for row in rows),
                tuple(row["seconds"] for row in rows),
            )
        )
    return found


def real(full: Path, pruned: Path) -> Saved:
    """The same search without and with a pruner, both run: from their records."""
    before = histories_of(full)
    document = json.loads((pruned / "study.json").read_text())
    epochs = [len(trial["validations"]) for trial in document["trials"]]
    kept = [t["values"][0] for t in document["trials"] if t["state"] == "completed"]
    return Saved(
        epochs=(sum(epochs), sum(len(each.values) for each in before)),
        best=(max(kept), max(max(each.values) for each in before)),
        pruned=document["counts"]["pruned"],
    )


def pruner_of(name: str) -> optuna.pruners.BasePruner:
    """A shipped pruner as its option file has it."""
    import yaml

    file = configs_root() / "conf" / "hydra" / "sweeper" / "pruner" / f"{name}.yaml"
    pruner: optuna.pruners.BasePruner = instantiate(yaml.safe_load(file.read_text())).build()
    return pruner


def sweep(out: Path, experiment: str, name: str, *said: str) -> Path:
    """Runs a study's trials; gives its folder."""
    command = [
        sys.executable, "-m", "seqbench.cli", "sweep", f"experiments={experiment}",
        f"study={name}", f"paths.outputs={out}", "logger=none", "report=false",
        "hydra.sweeper.retrain_best=0", *said,
    ]  # fmt: skip
    code = subprocess.run(command).returncode
    if code:
        raise SystemExit(f"{name} ended with exit code {code}")
    return out / name


def repeat(out: Path, experiment: str, seed: int, pruner: str) -> Saved:
    """One search without and with the pruner, and its histories played to all of them."""
    name, said = f"{experiment}_{seed}", f"hydra.sweeper.seed={seed}"
    if not (out / name / "study.json").exists():
        sweep(out, experiment, name, said)
    histories = histories_of(out / name)
    for each in PRUNERS:
        print(f"{name}, {each}, replayed: {replayed(histories, pruner_of(each)).line()}")
        print(f"{name}, {each}, replayed: {replayed_in_other_orders(histories, each)}")
    pruned = sweep(out, experiment, f"{name}_{pruner}", said, f"hydra/sweeper/pruner={pruner}")
    found = real(out / name, pruned)
    print(f"{name}, {pruner}, run: {found.line()}", flush=True)
    return found


def main(argv: Sequence[str]) -> int:
    """Run, replay, say; 0 where pruning keeps its word."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the sampler")
    parser.add_argument("--pruner", default="asha", choices=PRUNERS, help="which is judged")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(argv)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    results = [
        repeat(asked.out, experiment, seed, asked.pruner)
        for experiment in asked.experiments
        for seed in asked.seeds
    ]
    share = statistics.mean(each.share for each in results)
    worst = max(abs(each.best[1] - each.best[0]) for each in results)
    held = share >= SAVED and worst <= CLOSE
    print(
        f"{asked.pruner}: {100 * share:.0f} % of epochs saved in the mean, best value at most "
        f"{100 * worst:.2f} points off: {'holds' if held else 'does not hold'}"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
