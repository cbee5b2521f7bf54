"""What many tests need: small batches, a small task, no services and no one's home folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No credentials, no mirror of one's own, nothing of a previous run in the environment."""
    for name in ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY", "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield


@pytest.fixture
def make_batch() -> Callable[..., Any]:
    """Makes a random TokenBatch of given lengths; equal seeds give equal batches."""
    import torch

    from seqbench.batch import TokenBatch

    def make(
        lengths: list[int], *, vocab_size: int = 20, num_classes: int = 3, seed: int = 0
    ) -> TokenBatch:
        generator = torch.Generator().manual_seed(seed)
        lengths_B = torch.tensor(lengths)
        ids_BT = torch.randint(4, vocab_size, (len(lengths), max(lengths)), generator=generator)
        ids_BT[torch.arange(max(lengths)) >= lengths_B[:, None]] = 0
        return TokenBatch(
            ids_BT=ids_BT,
            lengths_B=lengths_B,
            labels_B=torch.randint(0, num_classes, (len(lengths),), generator=generator),
            rows_B=torch.arange(len(lengths)),
        )

    return make


@pytest.fixture
def make_task() -> Callable[..., Any]:
    """Makes a small classification task over 20 tokens and 3 classes."""
    import torch

    from seqbench.batch import DataSpec
    from seqbench.models.inputs import LearnedEmbedding
    from seqbench.models.lstm import LSTM
    from seqbench.tasks.classification import Classification
    from seqbench.tasks.optimizers import SGD
    from seqbench.tasks.schedulers import Constant

    def make(*, seed: int = 0, **options: Any) -> Classification:
        torch.manual_seed(seed)
        spec = DataSpec(
            task="classification",
            vocab_size=20,
            pad_id=0,
            num_classes=3,
            label_names=("a", "b", "c"),
            label_counts=(10, 20, 30),
            max_len=16,
            num_examples={"train": 60, "validation": 6, "test": 6},
        )
        inputs = LearnedEmbedding(vocab_size=20, pad_id=0, d_embed=8, dropout=0.0)
        parts: dict[str, Any] = {
            "optimizer": SGD(lr=0.5, momentum=0.0),
            "scheduler": Constant(),
            "dropout": 0.0,
        }
        return Classification(
            inputs=inputs, encoder=LSTM(d_input=8, d_hidden=6), spec=spec, **(parts | options)
        )

    return make
