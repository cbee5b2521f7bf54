"""Parameters that only `make test-full` tries."""

from __future__ import annotations

from typing import Any

import pytest


def rarely(*values: Any) -> list[Any]:
    """These, for `pytest.mark.parametrize`, marked as `full`."""
    return [pytest.param(value, marks=pytest.mark.full) for value in values]
