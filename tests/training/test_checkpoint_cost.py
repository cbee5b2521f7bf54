from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning.callbacks import Callback

from seqbench.training.checkpoint_cost import CheckpointCost, SaveClock


def cost(every: float | None = 30.0, **changes: Any) -> CheckpointCost:
    return CheckpointCost(**{"num_bytes": 9, "seconds": [0.5, 3.0, 7.0], "lost": [10.0]} | changes,
                          every=every)  # fmt: skip


def test_a_share_is_of_the_interval_and_the_checkpoint_that_follows_it() -> None:
    assert cost().share == pytest.approx(3 / 33)
    assert cost().share_lost == pytest.approx(10 / 40)
    assert cost(every=None).share is None and cost(every=None).share_lost is None
    assert cost(seconds=[]).share is None


class _Saves(Callback):
    """Stands for what saves: in every second batch, and that takes a while."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx % 2 == 0:
            time.sleep(0.02)
            aside = self.path.with_suffix(".tmp")
            aside.write_bytes(b"x" * (10 + batch_idx))
            aside.replace(self.path)


@pytest.mark.parametrize(("first", "saves"), [(1, 2), (3, 1)])
def test_only_batches_that_save_are_timed_and_not_the_first(
    first: int, saves: int, tmp_path: Path
) -> None:
    clock = SaveClock(tmp_path / "last.ckpt", first=first)
    callbacks = clock.around([_Saves(clock.path)])
    for batch_idx in range(5):
        for callback in callbacks:
            callback.on_train_batch_start(None, None, None, batch_idx)  # type: ignore[arg-type]
    assert len(clock.seconds) == saves  # of batches 2 and 4
    assert all(0.02 <= seconds < 2 for seconds in clock.seconds)
    assert clock.num_bytes == 14
