"""Windows that slide: each target once, with the context that its own place gives it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from seqbench.batch import IGNORED, StreamBatch
from seqbench.errors import DataError
from seqbench.tasks import sliding
from seqbench.tasks.sliding import SlidingWindows

Scored = list[tuple[int, tuple[int, ...]]]


def piece(rows: list[Tensor], *, starts: list[bool]) -> StreamBatch:
    """A batch of one piece a stream, each with the token that follows it."""
    longest = max(map(len, rows))
    tokens_BS = torch.stack([torch.nn.functional.pad(ids, (0, longest - len(ids))) for ids in rows])
    lengths_B = torch.tensor([len(ids) - 1 for ids in rows])
    return StreamBatch.of(tokens_BS, lengths_B, starts_B=torch.tensor(starts), pad_id=0)


def scored(batches: Iterable[StreamBatch]) -> Scored:
    """Every target with what it is predicted from, in order."""
    found = []
    for batch in batches:
        for ids_T, targets_T in zip(batch.ids_BT, batch.targets_BT, strict=True):
            for place in (targets_T != IGNORED).nonzero().flatten().tolist():
                found.append((int(targets_T[place]), tuple(ids_T[: place + 1].tolist())))
    return found


def by_hand(ids: Tensor, *, window: int, stride: int) -> Scored:
    """The same of a whole text, by its definition."""
    found = []
    for place in range(len(ids) - 1):
        start = max(0, (place // stride + 1) * stride - window)
        found.append((int(ids[place + 1]), tuple(ids[start : place + 1].tolist())))
    return found


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_each_row_goes_on_or_starts_by_itself(stride: int) -> None:
    first, second, third = (torch.arange(start, start + 12) for start in (100, 200, 300))
    windows = SlidingWindows(window=5, stride=stride)
    found = scored(windows.cut(piece([first[:4], second[:8]], starts=[True, True])))
    rows = [found[:3], found[3:]]
    found = scored(windows.cut(piece([third[:10], second[7:9]], starts=[True, False])))
    rows += [found[:9]]
    rows[1] += found[9:]
    found = scored(windows.cut(piece([third[9:], second[8:]], starts=[False, False])))
    rows[2] += found[:2]
    rows[1] += found[2:]
    assert rows[0] == by_hand(first[:4], window=5, stride=stride)
    assert rows[1] == by_hand(second, window=5, stride=stride)
    assert rows[2] == by_hand(third, window=5, stride=stride)


@pytest.mark.parametrize("positions", [1, 12, 20, 10_000])
def test_a_limited_number_of_positions_comes_at_a_time(
    positions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sliding, "POSITIONS", positions)
    ids = torch.arange(100, 141)
    groups = list(SlidingWindows(window=6, stride=1).cut(piece([ids], starts=[True])))
    assert scored(groups) == by_hand(ids, window=6, stride=1)
    assert all(batch.ids_BT.numel() <= max(6, positions) for batch in groups)
    whole = 15 + 35 * 6  # positions of all windows: 1, 2, … 5, then 6 each
    assert len(groups) >= whole / max(6, positions)
    assert len(groups) <= 1 + whole / max(1, positions - 6)


def test_a_stream_that_nothing_came_before_does_not_go_on() -> None:
    ids = torch.arange(9)
    windows = SlidingWindows(window=4, stride=2)
    with pytest.raises(DataError, match=r"expected 0 rows that go on, .* got 1 rows, 1 of which"):
        windows.cut(piece([ids], starts=[False]))
    windows.cut(piece([ids], starts=[True]))
    two = piece([ids, ids], starts=[True, False])
    with pytest.raises(DataError, match=r"expected 1 rows that go on, .* got 2 rows, 1 of which"):
        windows.cut(two)
    begun = dataclasses.replace(two, starts_B=torch.tensor([True, True]))
    assert len(scored(windows.cut(begun))) == 16
