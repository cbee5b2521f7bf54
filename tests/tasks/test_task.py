"""The exact mean of an optimizer step, whatever the micro-batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader

from seqbench.batch import TokenBatch
from seqbench.errors import TrainingError
from seqbench.tasks.schedulers import Plateau


def fit(task: Any, batches: list[TokenBatch], tmp_path: Path, **options: Any) -> Any:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        **options,
    )
    loader: Any = DataLoader(batches, batch_size=None)  # type: ignore[arg-type]
    trainer.fit(task, loader)
    return task


def part(batch: TokenBatch, rows: slice) -> TokenBatch:
    assert batch.labels_B is not None
    return TokenBatch(
        ids_BT=batch.ids_BT[rows],
        lengths_B=batch.lengths_B[rows],
        labels_B=batch.labels_B[rows],
        rows_B=batch.rows_B[rows],
    )


@pytest.mark.parametrize("options", [{}, {"class_weights": "balanced"}])
@pytest.mark.parametrize("clip", [None, 0.01])
def test_unequal_micro_batches_make_the_step_of_one_batch(
    make_task: Callable[..., Any],
    make_batch: Any,
    tmp_path: Path,
    options: dict[str, Any],
    clip: float | None,
) -> None:
    batch = make_batch([4, 7, 3, 5, 2, 6])
    whole = fit(make_task(**options), [batch], tmp_path, gradient_clip_val=clip)
    parts = [part(batch, slice(0, 1)), part(batch, slice(1, 6))]
    accumulated = fit(
        make_task(**options), parts, tmp_path, accumulate_grad_batches=2, gradient_clip_val=clip
    )
    before = make_task(**options).state_dict()
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(accumulated.state_dict()[name], weight, rtol=1e-5, atol=1e-7)
    assert any(not torch.equal(before[name], w) for name, w in whole.state_dict().items())


def test_a_window_cut_short_by_the_epoch_is_exact_too(
    make_task: Callable[..., Any], make_batch: Any, tmp_path: Path
) -> None:
    batch = make_batch([4, 7, 3])
    whole = fit(make_task(), [batch], tmp_path)
    parts = [part(batch, slice(0, 1)), part(batch, slice(1, 3))]
    accumulated = fit(make_task(), parts, tmp_path, accumulate_grad_batches=5)
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(accumulated.state_dict()[name], weight, rtol=1e-5, atol=1e-7)


def test_a_loss_that_is_not_finite_ends_the_run_with_what_is_known(
    make_task: Callable[..., Any], make_batch: Any, tmp_path: Path
) -> None:
    task = make_task()
    with torch.no_grad():
        task.head.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"diverged at step 1: expected a finite loss, got nan"):
        fit(task, [make_batch([2, 3])], tmp_path, log_every_n_steps=1)


def test_tokens_are_counted_without_padding(
    make_task: Callable[..., Any], make_batch: Any, tmp_path: Path
) -> None:
    task = fit(make_task(), [make_batch([2, 9]), make_batch([1, 1, 5])], tmp_path)
    assert task.num_tokens() == 18


def test_a_plateau_schedule_goes_on_where_it_was(
    make_task: Callable[..., Any], make_batch: Any, tmp_path: Path
) -> None:
    loader: Any = DataLoader([make_batch([2, 9])], batch_size=None)  # type: ignore[arg-type]
    options: dict[str, Any] = {
        "num_sanity_val_steps": 0,
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "default_root_dir": tmp_path,
    }
    first = make_task(scheduler=Plateau())
    trainer = Trainer(max_epochs=2, **options)
    trainer.fit(first, loader, loader)
    trainer.save_checkpoint(tmp_path / "run.ckpt")
    second = make_task(scheduler=Plateau())
    Trainer(max_epochs=2, **options).fit(
        second, loader, loader, ckpt_path=tmp_path / "run.ckpt", weights_only=True
    )
    assert first._plateau.last_epoch == 2
    assert second._plateau.state_dict() == first._plateau.state_dict()


def test_a_checkpoint_holds_plain_containers(
    make_task: Callable[..., Any], make_batch: Any, tmp_path: Path
) -> None:
    task = fit(make_task(), [make_batch([2, 9])], tmp_path)
    path = tmp_path / "run.ckpt"
    task.trainer.save_checkpoint(path)
    loaded = torch.load(path, weights_only=True)
    assert loaded["spec"]["label_names"] == ["a", "b", "c"]


def test_what_was_counted_is_taken_up(
    make_task: Callable[..., Any], make_batch: Any, tmp_path: Path
) -> None:
    first, second = fit(make_task(), [make_batch([2, 9])], tmp_path), make_task()
    state = first.training_state()
    assert state["tokens"] == 11
    second.load_training_state(state)
    assert second.tokens_logged == first.tokens_logged == 11
    assert second.training_state() == state
