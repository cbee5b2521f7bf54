"""A small configuration of toy parts, so that messages do not change with the shipped options."""

from __future__ import annotations

from pathlib import Path

import pytest

TOY = Path(__file__).parents[1] / "config" / "toy"


@pytest.fixture
def toy_dir(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy option files; `toy_parts`, which they name, can be imported."""
    monkeypatch.syspath_prepend(str(TOY / "code"))
    return TOY / "conf"


@pytest.fixture
def toy() -> list[str]:
    """Overrides that choose toy parts for every group."""
    groups = ("data", "tokenizer", "inputs", "model", "optimizer", "scheduler", "trainer")
    return [*(f"{group}=toy" for group in groups), "callbacks=none", "logger=none"]
