"""Disks that are full and folders that are read-only, for real."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, *, kilobytes: int) -> Iterator[Path]:
    """A disk of its own under this folder; skips where this user may not mount one."""
    folder.mkdir()
    options = f"size={kilobytes}k,mode=755"
    mount = ["mount", "-t", "tmpfs", "-o", options, "seqbench-test", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount program")
    if made.returncode != 0:
        pytest.skip(f"a disk cannot be mounted: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, *, leaving: int) -> None:
    """Fills the disk that the folder lies on, but for so many bytes."""
    state = os.statvfs(folder)
    with (folder / "filling").open("wb") as file:
        file.write(bytes(max(0, state.f_bavail * state.f_frsize - leaving)))


def free(folder: Path) -> None:
    """Takes the filling away."""
    (folder / "filling").unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A small disk that takes nothing for the length of the block: root heeds no permissions."""
    remount = ["mount", "-o", "remount,{}", str(folder)]
    subprocess.run([word.format("ro") for word in remount], check=True)
    try:
        yield
    finally:
        subprocess.run([word.format("rw") for word in remount], check=True)
