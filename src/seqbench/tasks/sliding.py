"""Sliding windows over a text: how a model without a carried state is evaluated."""

from __future__ import annotations

import torch
from torch import Tensor

from seqbench.batch import IGNORED, StreamBatch


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
        self._before: list[Tensor] = []
        self._done = 0

    def cut(self, batch: StreamBatch) -> StreamBatch:
        """The windows that score a piece's targets: those of its first row, then of its second…

        A row that starts has nothing before it; the others go on from the last call's rows.
        """
        if bool(batch.starts_B.all()):
            self._before, self._done = [batch.ids_BT[row, :0] for row in range(len(batch))], 0
        windows: list[tuple[Tensor, Tensor]] = []
        lengths = batch.lengths_B.tolist()
        for row, length in enumerate(lengths):
            ids_S = torch.cat([self._before[row], batch.ids_BT[row, :length]])
            windows += self._of_row(ids_S, batch.targets_BT[row, :length])
            self._before[row] = ids_S[-self.window :]
        self._done += max(lengths)
        return _padded(windows, batch)

    def _of_row(self, ids_S: Tensor, targets_T: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Ids and targets of a row's windows; `ids_S` ends with the positions of the targets."""
        first_at = len(ids_S) - len(targets_T)  # of the first target in ids_S
        end_of_all = self._done + len(targets_T)
        windows = []
        start = self._done
        while start < end_of_all:
            end_of_group = (start // self.stride + 1) * self.stride
            end = min(end_of_group, end_of_all)
            context = start - max(0, end_of_group - self.window)
            low, high = first_at + start - self._done, first_at + end - self._done
            targets = targets_T[start - self._done : end - self._done]
            unscored = targets.new_full((context,), IGNORED)
            windows.append((ids_S[low - context : high], torch.cat([unscored, targets])))
            start = end
        return windows


def _padded(windows: list[tuple[Tensor, Tensor]], batch: StreamBatch) -> StreamBatch:
    lengths_B = torch.tensor([len(ids) for ids, _ in windows], device=batch.ids_BT.device)
    shape = (len(windows), int(lengths_B.max()))
    ids_BT = batch.ids_BT.new_zeros(shape)
    targets_BT = batch.targets_BT.new_full(shape, IGNORED)
    for row, (ids, targets) in enumerate(windows):
        ids_BT[row, : len(ids)] = ids
        targets_BT[row, : len(ids)] = targets
    return StreamBatch(
        ids_BT=ids_BT,
        targets_BT=targets_BT,
        lengths_B=lengths_B,
        labels_B=None,
        rows_B=torch.arange(len(windows), device=batch.ids_BT.device),
        starts_B=torch.ones(len(windows), dtype=torch.bool, device=batch.ids_BT.device),
    )
