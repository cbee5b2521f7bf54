"""Which examples are in which batch: by length, within a budget, the same for the same epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from seqbench.errors import DataError

POOL_BATCHES = 16
"""Batches are drawn from so many batches' worth of examples of neighbouring lengths."""


class LengthBatchSampler(Sampler[list[int]]):
    """Batches of examples of similar length.

    Shuffled: examples are sorted by length, equal lengths in random order, and cut into pools of
    16 batches; a pool is shuffled and cut into batches; then all batches are shuffled. Pools depend
    on lengths alone, so every epoch has the same number of batches and none exceeds the budget.
    Not shuffled: sorted, the longest first, so that what does not fit in memory shows at once.

    The batches are a pure function of (seed, epoch). Of a global batch b, rank r of `world` gets
    `b[r::world]`: all ranks have the same number of batches, and none is empty.

    Attributes:
        epoch: the epoch that the next iteration gives.
        start: batches that an iteration leaves out, to go on within an epoch; `TokenLoader` sets it
            back to 0 once it has begun.

    Args:
        lengths: tokens an example, shape N.
        batch_size: most examples a (global) batch.
        max_tokens: most tokens a (global) batch, padding included; an example longer than that
            makes a batch of its own. None sets no limit.
        shuffle: whether the order is random (training) or by length (evaluation).
        seed: of the order.
        rank: this process's rank.
        world: number of ranks.

    Raises:
        DataError: there are fewer examples than ranks.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        *,
        batch_size: int,
        max_tokens: int | None,
        shuffle: bool,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if len(lengths) < world:
            raise DataError(
                "a split", expected=f"at least {world} examples, one a rank", got=f"{len(lengths)}"
            )
        self.batch_size = max(batch_size, world)
        self.max_tokens = max_tokens
        self.shuffle = shuffle
        self.seed = seed
        self.rank = rank
        self.world = world
        self.epoch = 0
        self.start = 0
        self._lengths = np.asarray(lengths, dtype=np.int64)
        ascending = np.sort(self._lengths)
        pool_batches = POOL_BATCHES if shuffle else 1
        self._pools = list(self._cut_pools(ascending, pool_batches))
        self._num_batches = sum(len(list(self._cuts(*pool))) for pool in self._pools)

    @property
    def sampler(self) -> Self:
        """Itself: Lightning looks for `set_epoch` on the sampler inside a batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches the next iteration gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches an epoch, whatever `start` is."""
        return self._num_batches

    def __iter__(self) -> Iterator[list[int]]:
        batches = self.batches(self.epoch)[self.start :]
        return iter([batch[self.rank :: self.world].tolist() for batch in batches])

    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        """The global batches of an epoch, each an array of rows."""
        if not self.shuffle:
            order = np.argsort(self._lengths, kind="stable")
            cuts = [cut for pool in self._pools for cut in self._cuts(*pool)]
            return [order[low:high][::-1] for low, high in reversed(cuts)]
        rng = np.random.default_rng([self.seed, epoch])
        # lexsort: by length, equal lengths at random
        order = np.lexsort((rng.random(len(self._lengths)), self._lengths))
        batches: list[NDArray[np.int64]] = []
        for start, end, size in self._pools:
            order[start:end] = rng.permutation(order[start:end])
            batches += [order[low:high] for low, high in self._cuts(start, end, size)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cut_pools(
        self, ascending: NDArray[np.int64], pool_batches: int
    ) -> Iterator[tuple[int, int, int]]:
        """(start, end, batch size) of the pools; each size suits the pool's longest example."""
        start, total = 0, len(ascending)
        while start < total:
            end = min(total, start + self._size(int(ascending[start])) * pool_batches)
            # a pool that is cut for its longest example may end earlier, and then hold shorter ones
            size = self._size(int(ascending[end - 1]))
            end = min(end, start + size * pool_batches)
            if total - end < self.world:  # what would be left is too few for all ranks
                end = total
            yield start, end, size
            start = end

    def _cuts(self, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
        """(start, end) of a pool's batches; a remainder too small for all ranks joins the last."""
        while start < end:
            stop = start + size
            if end - stop < self.world:
                stop = end
            yield start, stop
            start = stop

    def _size(self, longest: int) -> int:
        """How many examples of this length a batch holds."""
        if self.max_tokens is None:
            return self.batch_size
        return max(self.world, min(self.batch_size, self.max_tokens // max(1, longest)))
