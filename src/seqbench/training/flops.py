"""Training FLOPs of a run, counted on a few batches and scaled to the tokens that were seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from seqbench.batch import TokenBatch
from seqbench.tasks.task import Task
from seqbench.training.flop_formulas import FORMULAS
from seqbench.training.untouched import untouched

log = logging.getLogger(__name__)

ROWS = 2  # one alone would not do for a layer that normalises over the batch


def training_flops(
    task: Task, per_token: Callable[[], float], *, tokens: int, device: torch.device
) -> float | None:
    """FLOPs of all forward and backward passes of a training; None where they cannot be counted.

    Args:
        task: the trained task; nothing in it or in its random generators changes.
        per_token: counts the FLOPs of a token, as the task's kind does.
        tokens: seen in training.
        device: what to compute on.
    """
    try:
        with untouched(task, device):
            task.train()
            return float(round(tokens * per_token()))
    except Exception as error:  # of a model that the counter's modes do not suit, or of memory
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        log.info("training FLOPs could not be counted: %s", reason)
        return None


def per_token_of_texts(
    task: Task, loader: DataLoader[Any], lengths: NDArray[Any], device: torch.device
) -> float:
    """FLOPs of a token where batches are of texts of about one length.

    Padding is computed, too, so what a text costs depends on the length of its batch. It is counted
    at a few lengths; at others it is the parabola through these, which is exact where it grows with
    the length, its square or both. Summed over an epoch's batches it gives the FLOPs of a token.

    Args:
        task: in training mode.
        loader: of the training split, a new one, with a batch sampler.
        lengths: tokens of each text of the split.
        device: what to compute on.
    """
    batches = [np.asarray(rows) for rows in loader.batch_sampler or ()]
    longest = np.array([lengths[rows].max() for rows in batches])
    counted: dict[int, float] = {}
    for length in few_of(longest):
        rows = [int(np.argmax(lengths == length))] * ROWS
        batch = loader.collate_fn(loader.dataset.__getitems__(rows))  # type: ignore[attr-defined]
        counted[length] = batch_flops(task, batch.to(device)) / ROWS
    degree = min(2, len(counted) - 1)
    per_text = Polynomial.fit(list(counted), list(counted.values()), degree)
    sizes = np.array([len(rows) for rows in batches])
    tokens = sum(int(lengths[rows].sum()) for rows in batches)
    return float((sizes * per_text(longest)).sum() / tokens)


def per_token_of_windows(task: Task, loader: DataLoader[Any], device: torch.device) -> float:
    """FLOPs of a token where all batches but the last are windows of one size.

    Args:
        task: in training mode; the state that it carries is as before afterwards.
        loader: of the training split, a new one, with a batch sampler.
        device: what to compute on.
    """
    first = next(iter(loader.batch_sampler or ()))
    batch = loader.collate_fn(loader.dataset.__getitems__(first))  # type: ignore[attr-defined]
    carried = task.training_state()
    try:
        return batch_flops(task, batch.to(device)) / int(batch.num_tokens())
    finally:
        task.load_training_state(carried)


def few_of(longest: NDArray[Any]) -> list[int]:
    """The shortest, two in the middle and the longest: at two, what depends on parity shows."""
    lengths = np.unique(longest)
    middle = int(np.searchsorted(lengths, np.sort(longest)[len(longest) // 2]))
    places = {0, middle, min(middle + 1, len(lengths) - 1), len(lengths) - 1}
    return [int(lengths[place]) for place in sorted(places)]


def batch_flops(task: Task, batch: TokenBatch) -> int:
    """FLOPs of one forward and backward pass: products of matrices, see `flop_formulas`.

    Gradients stay as they are.
    """
    weights = [weight for weight in task.parameters() if weight.requires_grad]
    with FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        loss = task.outputs(batch).loss_sum
        torch.autograd.grad(loss, weights, allow_unused=True)
    return int(counter.get_total_flops())
