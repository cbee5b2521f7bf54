"""What run folders hold of W&B, and how an offline run is sent: by W&B's own command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqbench.records.load import StoredRun
from seqbench.records.record import INTERRUPTED

State = Literal["offline", "synced", "online", "none"]
_SAID_BY_WANDB = ("ERROR ", "Error: ", "panic: ")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where runs and report go.

    Attributes:
        project: the W&B project.
        entity: the user or team; None for the account's own.
    """

    project: str
    entity: str | None

    def __str__(self) -> str:
        return f"{self.entity or '<your own entity>'}/{self.project}"


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """A run as its folder holds it for W&B.

    Attributes:
        run_id: the run.
        state: "offline" is to be sent, "synced" has been, "online" never needed to be, "none" has
            nothing that could be.
        reason: why there is nothing to send.
        file: the transaction log of the offline run.
    """

    run_id: str
    state: State
    reason: str = ""
    file: Path | None = None

    @property
    def wandb_id(self) -> str:
        """The id under which W&B knows, or will know, the run."""
        return self.file.stem.removeprefix("run-") if self.file else ""


def mirrors(runs: Iterable[StoredRun]) -> list[Mirror]:
    """What each run has to send: one entry a run, or one for each of its offline runs."""
    return [mirror for run in runs for mirror in _mirrors(run)]


def _mirrors(run: StoredRun) -> list[Mirror]:
    run_id, folder = run.record.run_id, run.folder.path / "wandb"
    files = sorted(folder.glob("offline-run-*/*.wandb"))
    if not files:
        if any(folder.glob("run-*/*.wandb")):
            return [Mirror(run_id=run_id, state="online", reason="online already")]
        return [Mirror(run_id=run_id, state="none", reason=_why_none(run))]
    return [_offline(run, file) for file in files]


def _offline(run: StoredRun, file: Path) -> Mirror:
    run_id = run.record.run_id
    if marker(file).exists():
        return Mirror(run_id=run_id, state="synced", reason="synced already", file=file)
    if run.record.status == INTERRUPTED:
        # Gone on with, it makes its W&B run anew, under the same id.
        return Mirror(run_id=run_id, state="none", reason="interrupted, and can be resumed")
    return Mirror(run_id=run_id, state="offline", file=file)


def _why_none(run: StoredRun) -> str:
    logger = run.record.config.get("logger") or {}
    return "it was off, or could not start" if logger.get("wandb") else "logger=none"


def marker(file: Path) -> Path:
    """The empty file that W&B leaves beside a transaction log once the server has all of it."""
    return file.with_suffix(".wandb.synced")


def send(mirror: Mirror, target: Target) -> str | None:
    """Sends one offline run; None once the server has it, else the reason why not.

    A process for each: what W&B's own service dies of then ends one run's sending and no other's.
    """
    assert mirror.file is not None
    command = [sys.executable, "-m", "wandb", "sync", "--project", target.project]
    if target.entity is not None:
        command += ["--entity", target.entity]
    ended = subprocess.run(
        [*command, str(mirror.file.parent)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=_environment(mirror.file),
        check=False,
    )
    # Its exit code does not tell: it is 0 for a run that the server refused, too.
    return None if marker(mirror.file).exists() else _reason(ended)


def _environment(file: Path) -> dict[str, str]:
    """The process's own, with the command's logs in the run folder and a service of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    return {**kept, "WANDB_DIR": str(file.parents[2].absolute())}


def _reason(ended: subprocess.CompletedProcess[str]) -> str:
    """The first error among the lines that `wandb sync` printed, else its last line."""
    lines = [line.removeprefix("wandb: ").strip() for line in ended.stdout.splitlines()]
    lines = [line for line in lines if line]
    errors = [line.partition(sign)[2] for line in lines for sign in _SAID_BY_WANDB if sign in line]
    said = errors or lines[-1:] or ["it said nothing"]
    return said[0] if ended.returncode == 0 else f"{said[0]} (exit code {ended.returncode})"
