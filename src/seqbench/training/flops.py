"""Training FLOPs of a run, counted on a few batches and scaled to the tokens that were seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from seqbench.batch import TokenBatch
from seqbench.tasks.task import Task
from seqbench.training.flop_formulas import FORMULAS, is_unknown
from seqbench.training.untouched import tried, untouched

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

    def counted() -> float:
        with untouched(task, device):
            task.train()
            return float(round(tokens * per_token()))

    return tried(counted, otherwise="training FLOPs could not be counted")


def per_token_of_texts(
    task: Task, loader: DataLoader[Any], lengths: NDArray[Any], device: torch.device
) -> float:
    """FLOPs of a token where batches are of texts of about one length.

    Padding is computed, too, so what a text costs depends on the length of its batch. It is counted
    at a few lengths; at others it is the parabola through these, which is exact where it grows with
    the length, its square or both. What a batch costs beside its texts (a projection of positions,
    say) is told apart by counting two numbers of texts. Summed over an epoch's batches it gives the
    FLOPs of a token.

    Args:
        task: in training mode.
        loader: of the training split, a new one, with a batch sampler.
        lengths: tokens of each text of the split.
        device: what to compute on.
    """
    batches = [np.asarray(rows) for rows in loader.batch_sampler or ()]
    longest = np.array([lengths[rows].max() for rows in batches])
    per_text: dict[int, float] = {}
    per_batch: dict[int, float] = {}
    for length in few_of(longest):
        text = int(np.argmax(lengths == length))
        fewer, more = (
            batch_flops(task, _batch(loader, [text] * rows, device)) for rows in (ROWS, ROWS + 1)
        )
        per_text[length], per_batch[length] = more - fewer, fewer - ROWS * (more - fewer)
    sizes = np.array([len(rows) for rows in batches])
    flops = sizes * _between(per_text)(longest) + _between(per_batch)(longest)
    tokens = sum(int(lengths[rows].sum()) for rows in batches)
    return float(flops.sum() / tokens)


def _batch(loader: DataLoader[Any], rows: Sequence[int], device: torch.device) -> TokenBatch:
    batch: TokenBatch = loader.collate_fn(loader.dataset.__getitems__(rows))  # type: ignore[attr-defined]
    return batch.to(device)


def _between(counted: Mapping[int, float]) -> Polynomial:
    """The parabola through what was counted at a few lengths."""
    degree = min(2, len(counted) - 1)
    return Polynomial.fit(list(counted), list(counted.values()), degree)


def per_token_of_windows(task: Task, loader: DataLoader[Any], device: torch.device) -> float:
    """FLOPs of a token where all batches but the last are windows of one size.

    Args:
        task: in training mode; the state that it carries is as before afterwards.
        loader: of the training split, a new one, with a batch sampler.
        device: what to compute on.
    """
    first = next(iter(loader.batch_sampler or ()))
    batch = _batch(loader, first, device)
    carried = task.training_state()
    try:
        return batch_flops(task, batch) / int(batch.num_tokens())
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

    Gradients stay as they are. Elementwise operations, sums, sorting, look-ups and the optimizer's
    step count as nothing.

    Raises:
        ValueError: an operator that has no formula and may multiply much, such as a custom one or a
            Fourier transform; its name is told.
    """
    weights = [weight for weight in task.parameters() if weight.requires_grad]
    known = _Known()
    with known, FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        loss = task.outputs(batch).loss_sum
        torch.autograd.grad(loss, weights, allow_unused=True)
    if known.strange:
        raise ValueError(f"no formula for {', '.join(sorted(known.strange))}")
    return int(counter.get_total_flops())


class _Known(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes operators that are counted as nothing and should not be.

    Attributes:
        strange: their names.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.strange: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """See TorchDispatchMode."""
        if isinstance(func, OpOverload) and is_unknown(func):
            self.strange.add(str(func._overloadpacket))
        return func(*args, **(kwargs or {}))
