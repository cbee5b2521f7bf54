"""The trainer's settings by their own names, and what Lightning makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from seqbench.errors import ConfigError
from seqbench.training.trainer import TrainerSettings


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The process's threads as they were."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def built(**settings: Any) -> Any:
    return TrainerSettings(**{"accelerator": "cpu", **settings}).build(logger=[], callbacks=[])


def test_names_and_what_lightning_calls_them() -> None:
    trainer = built(
        max_epochs=3, max_steps=7, accumulate=2, clip_norm=0.5, precision="bf16-mixed",
        log_every=5, evals_per_epoch=4, limit_train_batches=6, limit_eval_batches=2,
    )  # fmt: skip
    assert (trainer.max_epochs, trainer.max_steps) == (3, 7)
    assert trainer.accumulate_grad_batches == 2
    assert trainer.gradient_clip_val == 0.5
    assert trainer.precision == "bf16-mixed"
    assert trainer.log_every_n_steps == 5
    assert trainer.val_check_interval == 0.25
    assert (trainer.limit_train_batches, trainer.limit_val_batches) == (6, 2)
    assert trainer.limit_test_batches == 2


def test_without_limits_a_trainer_has_none() -> None:
    trainer = built()
    assert (trainer.max_steps, trainer.limit_train_batches, trainer.loggers) == (-1, 1.0, [])
    assert trainer.num_devices == 1
    assert trainer.num_sanity_val_steps == 0


def test_extra_arguments_reach_lightning_and_win() -> None:
    assert built(extra={"min_epochs": 2, "log_every_n_steps": 9}).min_epochs == 2
    assert built(extra={"log_every_n_steps": 9}).log_every_n_steps == 9


def test_an_extra_argument_that_lightning_does_not_know() -> None:
    with pytest.raises(ConfigError, match=r"^trainer\.extra: expected keyword arg.*'min_epoks'"):
        built(extra={"min_epoks": 2})


def test_an_accelerator_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert TrainerSettings().device_type() == "cpu"
    with pytest.raises(ConfigError) as caught:
        TrainerSettings(accelerator="cuda").device_type()
    assert caught.value.line() == (
        "trainer.accelerator: expected one that this machine has (cpu), got cuda; "
        "use trainer.accelerator=auto"
    )


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert TrainerSettings().device_type() == "cuda"
    assert TrainerSettings(accelerator="cpu").device_type() == "cpu"


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_set(threads: int) -> None:
    TrainerSettings(threads=threads).apply()
    assert torch.get_num_threads() == threads
