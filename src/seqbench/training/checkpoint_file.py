"""Checkpoints as files: whole or not there, and known to be what was written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

import torch
from lightning_fabric.plugins import CheckpointIO

from seqbench.errors import RecordError
from seqbench.records.store import replacing, sync, unwritable

_DIGEST_BYTES = hashlib.sha256().digest_size


def write_checkpoint(path: Path, content: dict[str, Any], *, keep: Path | None = None) -> None:
    """Write tensors and plain containers atomically; the file ends with its SHA-256.

    `torch.load` looks for the end of the archive from behind, so it reads the file as it is.

    Args:
        path: the file.
        content: what it holds.
        keep: where the file goes that has been there; None replaces it. A kill at the worst moment
            leaves the old one at `keep`, and none at `path`.

    Raises:
        RecordError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    with replacing(path) as aside:
        with aside.open("wb") as file:
            _save(content, file)
        with aside.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        with aside.open("ab") as file:
            file.write(digest)
        if keep is not None and path.exists():
            sync(aside)  # the old one makes room for one that is on the disk
            os.replace(path, keep)


def _save(content: dict[str, Any], file: BinaryIO) -> None:
    try:
        torch.save(content, file)
    except RuntimeError as error:
        # torch's writer complains that its archive has no end, not that the disk is full.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What `write_checkpoint` wrote, on the CPU.

    Raises:
        RecordError: it is not there, or not as it was written.
    """
    try:
        written = memoryview(path.read_bytes())
        body, digest = written[:-_DIGEST_BYTES], written[-_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            raise RecordError(str(path), expected="a checkpoint", got="a damaged one")
    except OSError as error:
        raise RecordError(str(path), got=error.strerror or str(error)) from error
    return _load(path)


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's own, which are of many types
        raise RecordError(
            str(path), expected="a checkpoint", got=str(error).partition("\n")[0]
        ) from error
    return content


class CheckpointFiles(CheckpointIO):
    """Has Lightning write and read its checkpoints in this way."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """See `write_checkpoint`; `storage_options` are where the file goes that has been there."""
        write_checkpoint(Path(path), checkpoint, keep=storage_options)

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """See `read_checkpoint`."""
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove the file."""
        Path(path).unlink(missing_ok=True)
