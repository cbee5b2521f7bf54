from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from seqbench.errors import ConfigError
from seqbench.tasks.classification import balanced_weights


def test_loss_is_summed_cross_entropy(make_task: Callable[..., Any], make_batch: Any) -> None:
    task, batch = make_task(), make_batch([3, 5, 2])
    outputs = task.outputs(batch)
    expected = F.cross_entropy(task(batch), batch.labels_B)
    torch.testing.assert_close(outputs.loss_sum / outputs.weight, expected)
    assert outputs.weight == 3


def test_balanced_weights_are_inverse_frequencies(make_task: Callable[..., Any]) -> None:
    weights_C = balanced_weights(make_task().spec)
    torch.testing.assert_close(weights_C, torch.tensor([2.0, 1.0, 2 / 3]))


def test_weighted_loss_equals_torch(make_task: Callable[..., Any], make_batch: Any) -> None:
    task, batch = make_task(class_weights="balanced"), make_batch([3, 5, 2, 2])
    outputs = task.outputs(batch)
    expected = F.cross_entropy(task(batch), batch.labels_B, weight=torch.tensor([2.0, 1.0, 2 / 3]))
    torch.testing.assert_close(outputs.loss_sum / outputs.weight, expected)


def test_a_reported_loss_is_plain(make_task: Callable[..., Any], make_batch: Any) -> None:
    task, batch = make_task(class_weights="balanced").eval(), make_batch([3, 5, 2, 2])
    outputs = task.outputs(batch)
    torch.testing.assert_close(
        outputs.loss_sum / outputs.weight, F.cross_entropy(task(batch), batch.labels_B)
    )


def test_a_class_without_examples_cannot_be_balanced(make_task: Callable[..., Any]) -> None:
    from dataclasses import replace

    spec = replace(make_task().spec, label_counts=(10, 0, 30))
    with pytest.raises(ConfigError, match=r"expected a training example of every class, got .*'b'"):
        balanced_weights(spec)


def test_smoothing_counts_in_training_only(make_task: Callable[..., Any], make_batch: Any) -> None:
    task, batch = make_task(label_smoothing=0.2), make_batch([3, 5])
    plain = F.cross_entropy(task(batch), batch.labels_B, reduction="sum")
    smooth = F.cross_entropy(task(batch), batch.labels_B, reduction="sum", label_smoothing=0.2)
    torch.testing.assert_close(task.train().outputs(batch).loss_sum, smooth)
    torch.testing.assert_close(task.eval().outputs(batch).loss_sum, plain)


@pytest.mark.parametrize("pooling", ["auto", "last", "mean", "max", "attention"])
def test_padding_changes_no_logits(
    make_task: Callable[..., Any], make_batch: Any, pooling: str
) -> None:
    task = make_task(pooling=pooling).eval()
    short, long = make_batch([3]), make_batch([3, 9])
    long.ids_BT[0, :3] = short.ids_BT[0]
    torch.testing.assert_close(task(short)[0], task(long)[0])


def test_a_batch_without_labels_has_no_loss(make_task: Callable[..., Any], make_batch: Any) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="use predict_step"):
        make_task().outputs(replace(make_batch([2]), labels_B=None))
