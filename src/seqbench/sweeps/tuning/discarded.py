"""Records of a search that was begun anew: none of them is a value of the search since.

Its trials may be drawn again with the same values, and so be the same runs by name. What tells a
record that was there from one that was made since is its content, times included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from seqbench.records.folder import RunFolder
from seqbench.records.plain_json import load_json
from seqbench.records.store import write_atomic

_FILE = ".discarded.json"  # in the study's folder: digests of records by run


def discard(study: Path) -> None:
    """Notes every record in a study's folder; to be called before its trials are forgotten.

    Raises:
        RecordError: the folder cannot be written.
    """
    folders = (RunFolder(path) for path in sorted(study.iterdir()) if path.is_dir())
    digests = {f.path.name: digest for f in folders if (digest := _digest(f)) is not None}
    write_atomic(study / _FILE, json.dumps(digests, indent=1) + "\n")


def discarded(study: Path) -> dict[str, str]:
    """What was noted last: a record's digest by the name of its run."""
    file = study / _FILE
    plain = load_json(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {str(run_id): str(digest) for run_id, digest in plain.items()}


def is_among(digests: Mapping[str, str], folder: RunFolder) -> bool:
    """Whether a run's record is still the one that was noted."""
    noted = digests.get(folder.path.name)
    return noted is not None and noted == _digest(folder)


def _digest(folder: RunFolder) -> str | None:
    if not folder.record.exists():
        return None
    return hashlib.sha256(folder.record.read_bytes()).hexdigest()
