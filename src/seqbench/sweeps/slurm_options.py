"""sbatch's options: those that are the launcher's own, and what is wrong with what a user says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqbench.errors import ConfigError

_EARLY_SECONDS = 60  # by which Slurm may give a job's warning too soon

# sbatch's options that a run depends on, and why another value would not do.
_OURS = {
    "job-name": "names the run that the job is",
    "nodes": "is one: a run trains on the devices of one node (trainer.devices)",
    "ntasks": "is one, which starts the run's processes itself",
    "ntasks-per-node": "is one, which starts the run's processes itself",
    "tasks-per-node": "is one, which starts the run's processes itself",
    "wrap": "is the run's own script",
    "array": "is not used: each run is a job of its own",
    "clusters": "is this one, whose queue is looked at",
    "hold": "is never on: a held job waits for somebody to release it",
    "wait": "is never on: the sweep waits for all jobs together",
    "test-only": "is how the launcher asks beforehand",
    "parsable": "would hide the job's number from submitit",
    "quiet": "would hide the job's number from submitit",
    "signal": "is what warning_seconds says",
    "requeue": "is always on",
    "no-requeue": "is never on",
    "output": "is in the study's folder",
    "error": "is in the study's folder",
    "open-mode": "is append",
    "chdir": "is the sweep's own working folder",
    "time": "is what timeout_min says",
    "cpus-per-task": "is what cpus says",
    "gpus-per-node": "is what gpus says",
    "gpus-per-task": "is what gpus says",
    "gpus": "is what gpus says",
    "mem": "is what mem_gb says",
    "partition": "is what partition says",
    "account": "is what account says",
}


def refused_options(settings: Mapping[str, Any]) -> list[ConfigError]:
    """Those of `extra` that the launcher sets itself, or cannot work with."""
    reasons = dict(_OURS)
    if settings["mem_gb"] is not None:
        reasons |= dict.fromkeys(("mem-per-cpu", "mem-per-gpu"), "is what mem_gb says")
    names = {str(name).replace("_", "-"): value for name, value in settings["extra"].items()}
    if str(names.get("gres", "")).startswith("gpu"):
        reasons["gres"] = "is what gpus says"
    return [
        ConfigError(
            f"hydra.launcher.extra.{name}",
            expected="an option that the launcher does not set itself",
            got=f"--{name}, which {reasons[name]}",
        )
        for name in names
        if name in reasons
    ]


def too_short(timeout_min: int, warning_seconds: int) -> list[ConfigError]:
    """The error of a time limit whose warning may come as the job begins, if it is one."""
    least = (warning_seconds + _EARLY_SECONDS) // 60 + 1
    if timeout_min >= least:
        return []
    return [
        ConfigError(
            "hydra.launcher.timeout_min",
            expected=f"at least {least} with warning_seconds={warning_seconds}: Slurm may warn a "
            "minute early",
            got=str(timeout_min),
        )
    ]


def number_of_gpus(gpus: str | int) -> int:
    """How many GPUs "2", "a100", "a100:1" or "a100:1,v100:1" are."""
    counts = [part.rpartition(":")[2] for part in str(gpus).split(",")]
    return sum(int(count) if count.isdigit() else 1 for count in counts)


def arguments(flags: Mapping[str, Any]) -> list[str]:
    """Options as words of a command line."""
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in flags.items()]
