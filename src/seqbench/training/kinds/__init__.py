"""Task kinds: what differs between tasks outside of their LightningModules."""

from __future__ import annotations

from typing import Any

from seqbench.training.kinds.classification import ClassificationKind
from seqbench.training.kinds.kind import TaskKind
from seqbench.training.kinds.language_modeling import LanguageModelingKind

KINDS: dict[str, TaskKind[Any]] = {
    kind.name: kind for kind in (ClassificationKind(), LanguageModelingKind())
}
"""By the name that a data module gives as its `task`."""

__all__ = ["KINDS", "TaskKind"]
