"""What is kept of the best epoch, and how long training took."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning.trainer.states import TrainerFn

from seqbench.tasks.task import MetricSpec
from seqbench.training import callbacks
from seqbench.training.callbacks import (
    BestWeights,
    EarlyStoppingSettings,
    Stopwatch,
)

ACCURACY = MetricSpec(name="accuracy", higher_is_better=True)
LOSS = MetricSpec(name="loss", higher_is_better=False)
NO_MODULE: Any = None


def validated(epoch: int, **scores: float) -> Any:
    """A trainer after a validation."""
    metrics = {f"validation/{name}": torch.tensor(value) for name, value in scores.items()}

    def save_checkpoint(path: Path, *, weights_only: bool, storage_options: Path | None) -> None:
        assert weights_only
        if storage_options is not None:
            path.rename(storage_options)
        path.write_text(f"epoch {epoch}")

    return SimpleNamespace(
        callback_metrics={**metrics, "train/loss": 9.0},
        current_epoch=epoch,
        global_step=10 * (epoch + 1),
        state=SimpleNamespace(fn=TrainerFn.FITTING),
        save_checkpoint=save_checkpoint,
    )


def test_of_equal_epochs_the_first_is_kept(tmp_path: Path) -> None:
    best = BestWeights(ACCURACY, tmp_path / "best.ckpt")
    for epoch, accuracy in enumerate([0.25, 0.5, 0.5, 0.25]):
        best.on_validation_end(validated(epoch, accuracy=accuracy, loss=epoch), NO_MODULE)
    assert (best.epoch, best.scores) == (1, {"accuracy": 0.5, "loss": 1.0})
    assert (tmp_path / "best.ckpt").read_text() == "epoch 1"


def test_where_lower_is_better(tmp_path: Path) -> None:
    best = BestWeights(LOSS, tmp_path / "best.ckpt")
    for epoch, loss in enumerate([3.0, 1.0, 2.0]):
        best.on_validation_end(validated(epoch, loss=loss), NO_MODULE)
    assert best.epoch == 1


def test_a_score_that_is_no_number_is_replaced_by_the_first_that_is_one(tmp_path: Path) -> None:
    best = BestWeights(LOSS, tmp_path / "best.ckpt")
    best.on_validation_end(validated(0, loss=float("nan")), NO_MODULE)
    assert best.epoch == 0
    best.on_validation_end(validated(1, loss=1.0), NO_MODULE)
    assert best.epoch == 1


def test_validation_is_not_training_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 100.0, 101.0, 500.0, 502.0])
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    watch, trainer = Stopwatch(), NO_MODULE
    watch.on_train_start(trainer, NO_MODULE)
    watch.on_validation_start(trainer, NO_MODULE)
    watch.on_validation_end(trainer, NO_MODULE)
    watch.on_validation_start(trainer, NO_MODULE)
    watch.on_validation_end(trainer, NO_MODULE)
    watch.on_train_end(trainer, NO_MODULE)
    assert watch.seconds == 10 + 1 + 2


def test_a_validation_after_training_does_not_start_the_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 10.0, 100.0, 500.0])
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    watch = Stopwatch()
    watch.on_train_start(NO_MODULE, NO_MODULE)
    watch.on_train_end(NO_MODULE, NO_MODULE)
    watch.on_validation_start(NO_MODULE, NO_MODULE)
    watch.on_validation_end(NO_MODULE, NO_MODULE)
    assert watch.seconds == 10


def test_the_watch_stops_at_an_exception_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0])
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    watch = Stopwatch()
    watch.on_train_start(NO_MODULE, NO_MODULE)
    watch.on_exception(NO_MODULE, NO_MODULE, RuntimeError())
    watch.on_train_end(NO_MODULE, NO_MODULE)
    assert watch.seconds == 10


@pytest.mark.parametrize(("metric", "mode"), [(ACCURACY, "max"), (LOSS, "min")])
def test_the_primary_metric_decides(metric: MetricSpec, mode: str) -> None:
    stopping: Any = EarlyStoppingSettings(patience=2, min_delta=0.25).build(metric, "a run")
    assert (stopping.monitor, stopping.mode) == (f"validation/{metric.name}", mode)
    assert (stopping.patience, abs(stopping.min_delta)) == (2, 0.25)


def test_weights_that_a_checkpoint_knows_make_room_for_better_ones(tmp_path: Path) -> None:
    def there() -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(tmp_path.iterdir())}

    best = BestWeights(LOSS, tmp_path / "best.ckpt")
    for epoch in range(2):  # nobody knows the first
        best.on_validation_end(validated(epoch, loss=9.0 - epoch), NO_MODULE)
    assert (best.step, there()) == (20, {"best.ckpt": "epoch 1"})
    best.known({20})
    for epoch in (2, 3):
        best.on_validation_end(validated(epoch, loss=9.0 - epoch), NO_MODULE)
    assert there() == {"best-20.ckpt": "epoch 1", "best.ckpt": "epoch 3"}
    best.known({40})
    assert there() == {"best.ckpt": "epoch 3"}
    after = BestWeights(LOSS, tmp_path / "best.ckpt")
    after.load_state_dict(best.state_dict())
    after.on_validation_end(validated(4, loss=0.0), NO_MODULE)
    assert there() == {"best-40.ckpt": "epoch 3", "best.ckpt": "epoch 4"}


def test_what_came_before_a_resume_counts(tmp_path: Path) -> None:
    before, after = (BestWeights(ACCURACY, tmp_path / "best.ckpt") for _ in range(2))
    before.on_validation_end(validated(0, accuracy=0.5, loss=1.0), NO_MODULE)
    after.load_state_dict(before.state_dict())
    after.on_validation_end(validated(1, accuracy=0.25, loss=2.0), NO_MODULE)
    assert (after.epoch, after.scores) == (0, {"accuracy": 0.5, "loss": 1.0})
    after.on_validation_end(validated(2, accuracy=0.75, loss=3.0), NO_MODULE)
    assert after.epoch == 2
