"""Training FLOPs of a run, counted on a few texts and summed over the sizes of its batches."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from seqbench.batch import TokenBatch
from seqbench.data.datamodule import SeqDataModule
from seqbench.tasks.task import Task
from seqbench.training.flop_formulas import FORMULAS
from seqbench.training.untouched import untouched

log = logging.getLogger(__name__)

ROWS = 2  # one alone would not do for a layer that normalises over the batch


def training_flops(
    task: Task, datamodule: SeqDataModule, *, tokens: int, device: torch.device
) -> float | None:
    """FLOPs of all forward and backward passes of a training; None where they cannot be counted.

    Padding is computed, too, so what a text costs depends on the length of its batch. It is counted
    at a few lengths; at others it is the parabola through these, which is exact where it grows with
    the length, its square or both. Summed over an epoch's batches it gives the FLOPs of a token,
    and those the FLOPs of the tokens that were seen.

    Args:
        task: the trained task; nothing in it or in its random generators changes.
        datamodule: set up; its `train_dataloader` is a new one and has a batch sampler.
        tokens: seen in training.
        device: what to compute on.
    """
    try:
        loader, lengths = datamodule.train_dataloader(), datamodule.lengths("train")
        batches = [np.asarray(rows) for rows in loader.batch_sampler]
        longest = np.array([lengths[rows].max() for rows in batches])
        counted: dict[int, float] = {}
        with untouched(task, device):
            task.train()
            for length in few_of(longest):
                rows = [int(np.argmax(lengths == length))] * ROWS
                batch: TokenBatch = loader.collate_fn(loader.dataset.__getitems__(rows))
                counted[length] = batch_flops(task, batch.to(device)) / ROWS
    except Exception as error:  # of a model that the counter's modes do not suit, or of memory
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        log.info("training FLOPs could not be counted: %s", reason)
        return None
    degree = min(2, len(counted) - 1)
    per_text = Polynomial.fit(list(counted), list(counted.values()), degree)
    sizes = np.array([len(rows) for rows in batches])
    per_token = (sizes * per_text(longest)).sum() / sum(lengths[rows].sum() for rows in batches)
    return float(round(tokens * per_token))


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
