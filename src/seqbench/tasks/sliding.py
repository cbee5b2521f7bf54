"""Sliding windows over a text: how a model without a carried state is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from seqbench.batch import IGNORED, StreamBatch

POSITIONS = 1 << 14
"""Positions that are encoded at a time: small strides take longer then, not more memory."""


class _Read(NamedTuple):
    """What was read of a stream so far: its last ids, and how many targets it had."""

    before_S: Tensor
    done: int


class _Window(NamedTuple):
    """Ids of a window, and the targets of its last positions, which it scores."""

    ids_S: Tensor
    targets_T: Tensor


class SlidingWindows:
    """Cuts a text that comes in pieces into overlapping windows; every target is scored once.

    Targets number g·stride up to (g+1)·stride - 1 are scored in one window that holds them at its
    end and, before them, as many tokens as there is room for: `window - stride` of context, less
    where the text begins. So what a target is predicted from depends on its place in the text
    alone, not on the pieces.

    Args:
        window: positions of a window.
        stride: targets that it scores, at most `window`.
    """

    def __init__(self, *, window: int, stride: int) -> None:
        self.window = window
        self.stride = stride
        self._rows: list[_Read] = []

    def cut(self, batch: StreamBatch) -> Iterator[StreamBatch]:
        """The windows that score a piece's targets: those of its first row, then of its second…

        A row that starts has nothing before it; the others go on from the last call's rows. The
        windows come in batches of a limited number of positions.

        Raises:
            DataError: a row goes on from one that was not there.
        """
        batch.check_goes_on(len(self._rows))
        rows, windows = [], []
        for row, (length, starts) in enumerate(
            zip(batch.lengths_B.tolist(), batch.starts_B.tolist(), strict=True)
        ):
            before_S, done = _Read(batch.ids_BT[row, :0], 0) if starts else self._rows[row]
            ids_S = torch.cat([before_S, batch.ids_BT[row, :length]])
            windows += self._of_row(ids_S, batch.targets_BT[row, :length], done)
            rows.append(_Read(ids_S[-self.window :], done + length))
        self._rows = rows
        return (_padded(group) for group in _groups(windows))

    def _of_row(self, ids_S: Tensor, targets_T: Tensor, done: int) -> list[_Window]:
        """A row's windows; `ids_S` ends with the positions of the targets, `done` came before."""
        first_at = len(ids_S) - len(targets_T)  # of the first target in ids_S
        end_of_all = done + len(targets_T)
        windows = []
        start = done
        while start < end_of_all:
            end_of_group = (start // self.stride + 1) * self.stride
            end = min(end_of_group, end_of_all)
            context = start - max(0, end_of_group - self.window)
            low, high = first_at + start - done, first_at + end - done
            windows.append(
                _Window(ids_S[low - context : high], targets_T[start - done : end - done])
            )
            start = end
        return windows


def _groups(windows: list[_Window]) -> Iterator[list[_Window]]:
    """As many of them at a time as have few enough positions once they are padded, or one."""
    group: list[_Window] = []
    longest = 0
    for window in windows:
        longest = max(longest, len(window.ids_S))
        if group and (len(group) + 1) * longest > POSITIONS:
            yield group
            group, longest = [], len(window.ids_S)
        group.append(window)
    yield group


def _padded(windows: list[_Window]) -> StreamBatch:
    device = windows[0].ids_S.device
    lengths_B = torch.tensor([len(window.ids_S) for window in windows], device=device)
    shape = (len(windows), int(lengths_B.max()))
    ids_BT = windows[0].ids_S.new_zeros(shape)
    targets_BT = ids_BT.new_full(shape, IGNORED)
    for row, (ids_S, targets_T) in enumerate(windows):
        ids_BT[row, : len(ids_S)] = ids_S
        targets_BT[row, len(ids_S) - len(targets_T) : len(ids_S)] = targets_T
    return StreamBatch(
        ids_BT=ids_BT,
        targets_BT=targets_BT,
        lengths_B=lengths_B,
        labels_B=None,
        rows_B=torch.arange(len(windows), device=device),
        starts_B=torch.ones(len(windows), dtype=torch.bool, device=device),
    )
