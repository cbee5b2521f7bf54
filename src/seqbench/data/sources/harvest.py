"""Harvests docstring summaries from installed libraries, without importing them."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from seqbench.data.sources import docstring_parser
from seqbench.errors import DataError

HARVEST_VERSION = 1
"""Raised by every change of what a harvest holds, so that cached ones are made anew."""

STDLIB = "stdlib"
# tests; other people's code; what distributions of Python package apart or leave out
LEFT_OUT = frozenset(
    [
        *("test", "tests", "testing", "conftest.py"),
        *("site-packages", "dist-packages", "ensurepip", "venv", "distutils", "pip"),
        *("idlelib", "lib2to3", "tkinter", "turtle.py", "turtledemo"),
        *("vendor", "_vendor", "vendored", "externals", "_externals", "third_party"),
        *("proto", "generated", "__pycache__"),
    ]
)
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


@dataclass(frozen=True, kw_only=True)
class Docstring:
    """One docstring's summary.

    Attributes:
        library: the library that it is from.
        path: its file, relative to the library's folder, with forward slashes.
        kind: "module", "class" or "function".
        name: the name that is documented; empty for a module.
        summary: its first paragraph on one line.
    """

    library: str
    path: str
    kind: str
    name: str
    summary: str


@functools.cache  # the metadata of twenty distributions take a tenth of a second to read
def library_version(library: str) -> str:
    """The installed version.

    Raises:
        DataError: the library is not installed.
    """
    if library == STDLIB:
        return ".".join(map(str, sys.version_info[:3]))
    try:
        return importlib.metadata.version(DISTRIBUTIONS.get(library, library))
    except importlib.metadata.PackageNotFoundError:
        raise _missing(library) from None


def library_folder(library: str) -> Path:
    """Where the library's code lies; nothing is imported.

    Raises:
        DataError: the library is not installed.
    """
    if library == STDLIB:
        return Path(sysconfig.get_paths()["stdlib"])
    spec = importlib.util.find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(library)
    return Path(spec.submodule_search_locations[0])


def python_files(folder: Path) -> list[Path]:
    """The library's own files without tests, vendored and generated code, in a fixed order."""
    found: list[Path] = []
    for directory, names, files in os.walk(folder):
        names[:] = sorted(n for n in names if n not in LEFT_OUT and n.isidentifier())
        found += [
            Path(directory, name)
            for name in sorted(files)
            if name.endswith(".py") and not name.startswith("test_") and name not in LEFT_OUT
        ]
    return found


def harvest(folders: dict[str, Path], *, workers: int = 2) -> list[Docstring]:
    """Every docstring summary of the libraries in these folders.

    The result does not depend on the number of workers; progress is shown on stderr.

    Args:
        folders: the folder of every library by name.
        workers: processes that parse.

    Raises:
        DataError: a process that parses died.
    """
    files = [
        (lib, folder, path) for lib, folder in folders.items() for path in python_files(folder)
    ]
    parsed = _parse([path for _, _, path in files], workers)
    return [
        Docstring(
            library=library,
            path=path.relative_to(folder).as_posix(),
            kind=kind,
            name=name,
            summary=summary,
        )
        for (library, folder, path), entries in zip(files, parsed, strict=True)
        for kind, name, summary in entries
    ]


def _parse(paths: Sequence[Path], workers: int) -> list[list[tuple[str, str, str]]]:
    """What `docstring_parser` finds in each file.

    Plain child processes, since a job of a sweep may itself be a process that must not fork.
    """
    results: list[list[tuple[str, str, str]]] = [[] for _ in paths]
    # the largest first, dealt out in turn, so that the workers end together
    by_size = sorted(range(len(paths)), key=lambda i: (-paths[i].stat().st_size, i))
    command = [sys.executable, "-I", "-S", "-W", "ignore", docstring_parser.__file__]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(workers)
    ]
    progress = tqdm(
        total=len(paths), desc="reading docstrings", unit="file", leave=False, disable=None
    )
    try:
        threads = []
        for number, child in enumerate(children):
            share = [(i, str(paths[i])) for i in by_size[number::workers]]
            target = threading.Thread(target=_collect, args=(child, share, results, progress))
            target.start()
            threads.append(target)
        for thread in threads:
            thread.join()
        if any(child.wait() != 0 for child in children):
            raise DataError(
                "docstrings",
                got="a process that reads Python files and died",
                remedy="try again; its last words are above",
            )
    finally:
        for child in children:
            child.kill()
            child.wait()
        progress.close()
    return results


def _collect(
    child: subprocess.Popen[str],
    share: list[tuple[int, str]],
    results: list[list[tuple[str, str, str]]],
    progress: tqdm[None],
) -> None:
    """Give a child its files and take in what it finds."""
    assert child.stdin is not None and child.stdout is not None
    with child.stdin as stdin, child.stdout as stdout:
        json.dump(share, stdin)
        stdin.close()
        for line in stdout:
            index, entries = json.loads(line)
            results[index] = [(kind, name, summary) for kind, name, summary in entries]
            progress.update()


def _missing(library: str) -> DataError:
    distribution = DISTRIBUTIONS.get(library, library)
    return DataError(
        f"docstrings: the library {library!r}",
        expected="it to be installed, since its docstrings are one of the classes",
        remedy=f"pip install {distribution}",
    )
