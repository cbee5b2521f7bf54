"""All that a finished run leaves, time fields aside: what must not depend on what happened."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from tests.tally import LOST, WRONG

from seqbench.records.folder import RunFolder
from seqbench.records.metrics import read_metrics
from seqbench.training.training_files import best_checkpoint

_TIMES = ("train_seconds", "setup_seconds", "test_seconds", "tokens_per_second")
_MEASURED = (*_TIMES, "peak_memory_bytes")  # of the process, whatever else it has done


def finished(path: Path) -> dict[str, Any] | None:
    """Record, history, weights and predictions to the bit; None where the run did not complete.

    The places that the run was told of (`paths`) are left out: runs that are compared lie apart.
    """
    folder = RunFolder(path)
    record = folder.read_record()
    if record is None or record.status != "completed":
        return None
    plain = json.loads(folder.record.read_text())
    del plain["config"]["paths"], plain["overrides"]
    for name in ("started", "finished", "command"):
        del plain["provenance"][name]
    for name in _MEASURED:
        del plain["cost"][name]
    best = best_checkpoint(folder)
    # A baseline has neither.
    rows = read_metrics(folder.metrics) if folder.metrics.exists() else []
    weights = torch.load(best, weights_only=True)["state_dict"] if best.exists() else {}
    fitted = [path for path in folder.checkpoints.iterdir() if path.name.startswith("baseline")]
    said = [*fitted, folder.predictions, folder.token_losses]
    return {
        "record": plain,
        "history": [{**row, "seconds": None} for row in rows],
        "weights": {name: _bits(weight) for name, weight in weights.items()},
        "predictions": {path.name: path.read_bytes() for path in said if path.exists()},
        "tokenizer": folder.tokenizer.read_bytes(),
    }


def assert_same(
    found: dict[str, Any] | None, expected: dict[str, Any] | None, tally: Counter[str]
) -> None:
    """That two finished runs are one; counts a run that is lost, and a record that is another."""
    assert expected is not None
    tally[LOST] += found is None
    tally[WRONG] += found is not None and found != expected
    assert differences(found, expected) == []


def differences(found: Any, expected: Any, at: str = "") -> list[str]:
    """Where two of these differ, a line each."""
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        parts = [differences(found[key], expected[key], f"{at}.{key}") for key in expected]
        return [line for part in parts for line in part]
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        return [line for n, pair in pairs for line in differences(*pair, f"{at}[{n}]")]
    same = found == expected
    return [] if same else [f"{at or 'the run'}: {str(found)[:90]}, not {str(expected)[:90]}"]


def left_over(folder: RunFolder) -> list[str]:
    """Files of writes that never came to their end, but for a config that a sweep may freeze."""
    found = folder.path.rglob("*.tmp")
    return sorted(str(path) for path in found if not path.name.startswith(".config.yaml."))


def _bits(tensor: torch.Tensor) -> str:
    """A hash of the bytes: equal floats of unlike bits (-0.0 and 0.0) differ, and NaNs do not."""
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
