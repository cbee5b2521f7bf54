"""What run folders hold of W&B, and how an offline run is sent: by W&B's own command.

A run is sent once to a target. One that is trained again after it was sent (`force=true`) is sent
again under the same id, and W&B appends its history to the earlier one: delete that run there
first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqbench.records.load import StoredRun
from seqbench.records.record import FAILED, INTERRUPTED, RunRecord
from seqbench.training.wandb_settings import wandb_settings

State = Literal["offline", "synced", "online", "elsewhere", "none"]
TIMEOUT = 1800  # seconds in which a run must be sent
_SAID_BY_WANDB = ("ERROR ", "Error: ", "panic: ")
_LOST = ("Fatal error while uploading", "will not be synced")
_NOT_SENT = {  # Both make their W&B run anew, under the same id.
    INTERRUPTED: "interrupted, and can be resumed",
    FAILED: "failed, and would be trained again",
}


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

    def is_at(self, place: str) -> bool:
        """Whether it is `entity/project`, as far as its entity is known."""
        entity, _, project = place.partition("/")
        return project == self.project and self.entity in (None, entity)


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """A run as its folder holds it for W&B.

    Attributes:
        run_id: the run.
        state: "offline" is to be sent, "synced" has been, "online" never needed to be, "elsewhere"
            was online under another target, "none" has nothing that could be sent.
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


def mirrors(
    runs: Iterable[StoredRun], target: Target, *, own_entity: str | None = None
) -> list[Mirror]:
    """What each run has to send: one entry a run, or one for each of its offline runs.

    Args:
        runs: as they were read.
        target: where they are to be.
        own_entity: where online runs went that name no entity; None where it is not known.
    """
    return [mirror for run in runs for mirror in _mirrors(run, target, own_entity)]


def _mirrors(run: StoredRun, target: Target, own_entity: str | None) -> list[Mirror]:
    run_id, folder = run.record.run_id, run.folder.path / "wandb"
    files = sorted(folder.glob("offline-run-*/*.wandb"))
    if files:
        return [_offline(run.record, file, target) for file in files]
    if any(folder.glob("run-*/*.wandb")):
        return [_online(run.record, target, own_entity)]
    return [Mirror(run_id=run_id, state="none", reason=_why_none(run))]


def _offline(record: RunRecord, file: Path, target: Target) -> Mirror:
    run_id = record.run_id
    if marker(file).exists():
        places = _places(file)
        if not places:
            reason = "synced already, by other means: where to is not known"
            return Mirror(run_id=run_id, state="synced", reason=reason, file=file)
        if at := [place for place in places if target.is_at(place)]:
            reason = f"synced already to {at[0]}"
            return Mirror(run_id=run_id, state="synced", reason=reason, file=file)
    if record.status in _NOT_SENT:
        return Mirror(run_id=run_id, state="none", reason=_NOT_SENT[record.status])
    return Mirror(run_id=run_id, state="offline", file=file)


def _online(record: RunRecord, target: Target, own_entity: str | None) -> Mirror:
    settings = wandb_settings(record.config)
    if settings is not None:
        entity = settings.entity_name or own_entity or target.entity
        place = Target(project=settings.project_name, entity=entity)
        if not target.is_at(f"{entity}/{place.project}"):
            return Mirror(run_id=record.run_id, state="elsewhere", reason=f"online, in {place}")
    return Mirror(run_id=record.run_id, state="online", reason="online already")


def _why_none(run: StoredRun) -> str:
    mirrored = run.record.group("logger").get("wandb")
    return "it was off, or could not start" if mirrored else "logger=none"


def marker(file: Path) -> Path:
    """The empty file that W&B leaves beside a transaction log once the server has all of it."""
    return file.with_suffix(".wandb.synced")


def _kept(file: Path) -> Path:
    """Our own file beside the marker, which does not say where to: a line for each target."""
    return file.with_suffix(".wandb.targets")


def _places(file: Path) -> list[str]:
    try:
        return _kept(file).read_text("utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return []


def send(mirror: Mirror, target: Target) -> str | None:
    """Sends one offline run; None once the server has it, else the reason why not.

    A process for each: what W&B's own service dies of then ends one run's sending and no other's.
    """
    assert mirror.file is not None
    command = [sys.executable, "-m", "wandb", "sync", "--project", target.project]
    if target.entity is not None:
        command += ["--entity", target.entity]
    # Sent elsewhere before, it would be passed over, or seem sent where it was refused.
    earlier = marker(mirror.file)
    earlier.unlink(missing_ok=True)
    try:
        reason = _ended([*command, str(mirror.file.parent)], mirror.file)
    finally:
        if _places(mirror.file):
            earlier.touch()
    if reason is None:
        with _kept(mirror.file).open("a", encoding="utf-8") as kept:
            kept.write(f"{target}\n")
    return reason


def _ended(command: list[str], file: Path) -> str | None:
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=_environment(file),
            check=False,
            timeout=TIMEOUT,  # its service ends by itself once it is gone
        )
    except subprocess.TimeoutExpired:
        marker(file).unlink(missing_ok=True)
        return f"no answer in {TIMEOUT} s"
    if lost := _lost(ended.stdout):
        marker(file).unlink(missing_ok=True)  # W&B leaves it all the same
        return lost
    # Its exit code does not tell: it is 0 for a run that the server refused, too.
    return None if marker(file).exists() else _reason(ended)


def _lost(printed: str) -> str | None:
    """What was said of a run whose history did not all arrive."""
    for line in printed.splitlines():
        if any(sign in line for sign in _LOST):
            said = line.removeprefix("wandb: ").strip()
            return said.partition("] ")[2] or said
    return None


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
