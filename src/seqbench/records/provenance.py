"""Which code and which machine: collected in a few milliseconds, without heavy imports."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqbench.records.record import GitState, Provenance
from seqbench.records.secrets import without_secrets

PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
DISTRIBUTIONS = (
    "seqbench",
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "hydra-core",
    "omegaconf",
    "wandb",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "tokenizers",
    "datasets",
    "torchtext",
)


def collect_provenance(
    config: Mapping[str, Any] | None = None, *, command: Sequence[str] | None = None
) -> Provenance:
    """The provenance of a run that starts now; fill in the rest with `dataclasses.replace`.

    Args:
        config: the run's; None where it names no code but ours.
        command: the command line in words; the process's own by default.
    """
    words = [Path(sys.argv[0]).name, *sys.argv[1:]] if command is None else list(command)
    return Provenance(
        versions=versions(),
        code=code_hash(config),
        git=git_state(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=cpu_model(),
        cores=usable_cores(),
        device=None,
        # Word by word: joined first, the quotes of one word would hide where its value ends.
        command=shlex.join(without_secrets(words)),
        started=utc_now(),
    )


def utc_now() -> str:
    """The time in UTC to the second, ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def versions() -> dict[str, str]:
    """Version of Python and of each distribution that can change results, where installed."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def code_hash(config: Mapping[str, Any] | None = None) -> str:
    """Hash of this package's source files, and of those of the user's own that a config names.

    12 hex digits, the same for a checkout and a wheel. The user's own is every package (or module)
    that some `_target_` lies in and that is not installed: of what is, versions tell.
    """
    return _code_hash(tuple(sorted(set(_tops(config)) - {"seqbench"})))


@cache
def _code_hash(tops: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for root in (PACKAGE, *(root for top in tops if (root := _own(top)) is not None)):
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _tops(node: Any) -> Iterator[str]:
    """The first part of every `_target_`."""
    if isinstance(node, Mapping):
        if isinstance(target := node.get("_target_"), str):
            yield target.partition(".")[0]
        for value in node.values():
            yield from _tops(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _tops(value)


def _own(top: str) -> Path | None:
    """A package's folder or a module's file, where it is neither installed nor Python's own."""
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:  # of a namespace without files nothing is known
        return None
    path = Path(spec.origin)
    if path.suffix != ".py" or any(path.is_relative_to(place) for place in _INSTALLED):
        return None
    return path.parent if spec.submodule_search_locations else path


@cache
def git_state() -> GitState | None:
    """The commit of seqbench's own checkout; None without one, or without git."""
    root = PACKAGE.parents[1]
    # An installed copy may lie inside the checkout of another project: that commit says nothing.
    if PACKAGE.parent.name != "src" or not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return None if not commit or changes is None else GitState(commit=commit, dirty=bool(changes))


def usable_cores() -> int:
    """The cores that this process may use: those it is bound to, and what a container allows."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        allowed = max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):  # no container, or one without a quota ("max")
        return bound or 1
    return min(bound or 1, allowed)


@cache
def cpu_model() -> str:
    """The processor's model name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(root: Path, *arguments: str) -> str | None:
    # Reading must not take the index lock from a person who is committing.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
