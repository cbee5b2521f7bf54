"""Which code and which machine: collected in a few milliseconds, without heavy imports."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from seqbench.records.record import GitState, Provenance
from seqbench.records.secrets import without_secrets

PACKAGE = Path(__file__).resolve().parents[1]
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


def collect_provenance(*, command: Sequence[str] | None = None) -> Provenance:
    """The provenance of a run that starts now; fill in the rest with `dataclasses.replace`.

    Args:
        command: the command line in words; the process's own by default.
    """
    words = [Path(sys.argv[0]).name, *sys.argv[1:]] if command is None else list(command)
    return Provenance(
        versions=versions(),
        code=code_hash(),
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


@cache
def code_hash() -> str:
    """Hash of the package's source files: 12 hex digits, the same for a checkout and a wheel."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


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
