"""A long text as parallel streams: which tokens a batch of windows holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from seqbench.batch import StreamBatch
from seqbench.errors import DataError

Place = tuple[int, int]
"""Which batch: (epoch, window)."""


class StreamDataset(Dataset[StreamBatch]):
    """A text cut into columns of about equal length, read side by side in windows.

    Column b of a batch goes on where it ended in the batch before (truncated back-propagation
    through time: Williams & Peng 1990). Every token is predicted once, the text's first one aside:
    column lengths differ by one at most, and the last window takes what is left. Where that would
    be one more token of some columns alone, it is left out of the epoch: a step by itself would
    weigh it as much as a whole batch.

    Args:
        ids: the text's token ids, int32, two or more.
        columns: streams side by side, at most as many as there are tokens to predict.
        window: positions of a batch at most.
        pad_id: the id of padding.
        rotate: begin each epoch at another place, a function of (seed, epoch), and go on from the
            text's end to its beginning: then the first token is predicted, too.
        reset: share of windows before which a column's state is forgotten, drawn from (seed, epoch,
            window): so that a model knows what to make of a text's beginning, and of states that
            have not grown for as long as training lasts.
        seed: of these draws.
        rank: this process's rank: it has every `world`-th column.
        world: number of ranks.

    Raises:
        DataError: more columns than tokens to predict.
    """

    def __init__(
        self,
        ids: NDArray[np.int32],
        *,
        columns: int,
        window: int,
        pad_id: int,
        rotate: bool = False,
        reset: float = 0.0,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.ids = ids
        self.window = window
        self.pad_id = pad_id
        self.rotate = rotate
        self.reset = reset
        self._columns = columns
        self._mine = slice(rank, None, world)
        self.seed = seed
        predicted = len(ids) if rotate else len(ids) - 1
        if columns > predicted:
            raise DataError(
                "data",
                expected=f"a token to predict for each of {columns} streams side by side",
                got=f"a text of {len(ids)} tokens",
                remedy="use fewer devices, or give more text",
            )
        shortest, longer = divmod(predicted, columns)
        columns_C = np.arange(columns)[rank::world]
        self._begins_C = columns_C * shortest + np.minimum(columns_C, longer)
        self._lengths_C = shortest + ((columns_C < longer) & (shortest % window > 0))
        self.num_windows = -(-shortest // window)

    def __len__(self) -> int:
        return self.num_windows

    def __getitem__(self, place: Place) -> StreamBatch:
        return self.__getitems__([place])

    def __getitems__(self, places: list[Place]) -> StreamBatch:
        """The batch at the one place that is asked for."""
        ((epoch, window),) = places
        done = window * self.window
        lengths_B = np.minimum(self._lengths_C - done, self.window)
        at_BS = (self._begins_C + done)[:, None] + np.arange(lengths_B.max() + 1)
        at_BS = (at_BS + self._beginning(epoch)) % len(self.ids)
        return StreamBatch.of(
            torch.from_numpy(self.ids[at_BS].astype(np.int64)),
            torch.from_numpy(lengths_B.astype(np.int64)),
            starts_B=torch.from_numpy(self._starts(epoch, window)),
            pad_id=self.pad_id,
        )

    def _starts(self, epoch: int, window: int) -> NDArray[np.bool_]:
        """Which of this rank's columns begin anew; drawn for all ranks alike."""
        if window == 0:
            return np.ones(len(self._lengths_C), dtype=bool)
        drawn_C = np.random.default_rng([self.seed, epoch, window]).random(self._columns)
        return (drawn_C < self.reset)[self._mine]

    def _beginning(self, epoch: int) -> int:
        if not self.rotate:
            return 0
        return int(np.random.default_rng([self.seed, epoch]).integers(len(self.ids)))


class WindowSampler(Sampler[list[Place]]):
    """The windows of an epoch in their order; see `Resumable`.

    Args:
        num_windows: of an epoch.
        seed: of the dataset's places.
    """

    def __init__(self, num_windows: int, *, seed: int) -> None:
        self.num_windows = num_windows
        self.seed = seed
        self.epoch = 0
        self.start = 0

    @property
    def sampler(self) -> Self:
        """Itself: Lightning looks for `set_epoch` on the sampler inside a batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose windows the next iteration gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_windows

    def __iter__(self) -> Iterator[list[Place]]:
        return iter([[(self.epoch, window)] for window in range(self.start, self.num_windows)])
