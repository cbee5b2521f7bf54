"""Made-up texts of three classes, for the baselines that look at words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np


def examples(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    words = np.array(["Red", "red", "green", "blue", "sky", "leaf", "é", "the", "a-b", "42"])
    labels = rng.integers(0, 3, n)
    texts = []
    for label in labels:
        weights = np.ones(len(words))
        weights[[label, label + 3]] = 5
        texts.append(" ".join(rng.choice(words, rng.integers(3, 9), p=weights / weights.sum())))
    return texts, labels


TEXTS, LABELS = examples(120, 0)
OTHER = [*examples(30, 1)[0], "", "nothing known"]


def sign(folder: Path) -> None:
    """Gives a saved baseline that was changed by hand the checksum that it would have."""
    settings = folder / "baseline.json"
    plain = json.loads(settings.read_text())
    del plain["sum"]
    content = json.dumps(plain, sort_keys=True).encode() + (folder / "baseline.npz").read_bytes()
    settings.write_text(json.dumps({**plain, "sum": hashlib.sha256(content).hexdigest()}))
