"""Columns and windows: every token predicted once, each batch going on where the last ended."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqbench.batch import IGNORED, StreamBatch
from seqbench.data.loader import TokenLoader
from seqbench.data.streams import StreamDataset, WindowSampler
from seqbench.errors import DataError


def batches(epoch: int = 0, **options: object) -> list[StreamBatch]:
    dataset = StreamDataset(pad_id=0, **options)  # type: ignore[arg-type]
    return [dataset[(epoch, window)] for window in range(len(dataset))]


def predicted(found: list[StreamBatch]) -> list[tuple[int, int]]:
    """Every (token, next token) that is scored."""
    pairs = []
    for batch in found:
        scored = batch.targets_BT != IGNORED
        assert (scored == batch.mask_BT).all()
        pairs += list(
            zip(batch.ids_BT[scored].tolist(), batch.targets_BT[scored].tolist(), strict=True)
        )
    return pairs


@settings(max_examples=60, deadline=None)
@given(
    tokens=st.integers(2, 90), columns=st.integers(1, 7), window=st.integers(1, 12),
    world=st.integers(1, 3), rotate=st.booleans(), epoch=st.integers(0, 3),
)  # fmt: skip
def test_every_token_is_predicted_once_but_for_a_last_step_of_one_a_column(
    tokens: int, columns: int, window: int, world: int, rotate: bool, epoch: int
) -> None:
    ids = np.arange(100, 100 + tokens, dtype=np.int32)
    to_predict = tokens if rotate else tokens - 1
    world = min(world, to_predict)
    columns = max(world, min(columns, to_predict))
    pairs = []
    for rank in range(world):
        found = batches(
            epoch, ids=ids, columns=columns, window=window, rotate=rotate, seed=3, rank=rank,
            world=world,
        )  # fmt: skip
        assert all((batch.lengths_B >= 1).all() for batch in found)
        assert all(batch.ids_BT.shape[1] <= window for batch in found)
        assert len(found) == -(-(to_predict // columns) // window)  # on every rank
        pairs += predicted(found)
    followers = np.roll(ids, -1) if rotate else ids[1:]
    expected = set(zip(ids.tolist(), followers.tolist(), strict=False))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) <= expected
    shortest, longer = divmod(to_predict, columns)
    assert len(expected) - len(pairs) == (longer if shortest % window == 0 else 0)


def test_a_column_leaves_out_what_would_be_a_step_by_itself() -> None:
    found = batches(ids=np.arange(50, dtype=np.int32), columns=3, window=8)
    assert [batch.lengths_B.tolist() for batch in found] == [[8, 8, 8]] * 2  # 49 = 17 + 16 + 16
    assert found[-1].targets_BT[:, -1].tolist() == [16, 33, 49]
    assert found[0].ids_BT[:, 0].tolist() == [0, 17, 33]  # 17 is read all the same


def test_more_columns_than_tokens_are_refused() -> None:
    ids = np.arange(4, dtype=np.int32)
    with pytest.raises(DataError, match=r"a token to predict for each of 4 streams .* 4 tokens"):
        StreamDataset(ids, columns=4, window=2, pad_id=0, world=4)
    assert len(StreamDataset(ids, columns=4, window=2, pad_id=0, world=4, rotate=True)) == 1


def test_a_column_goes_on_from_batch_to_batch() -> None:
    ids = np.arange(50, dtype=np.int32)
    found = batches(ids=ids, columns=3, window=5)
    assert [batch.starts_B.all().item() for batch in found] == [True, False, False, False]
    for before, after in itertools.pairwise(found):
        last = before.targets_BT[range(3), before.lengths_B - 1]
        assert (after.ids_BT[:, 0] == last).all()
    assert found[0].ids_BT[:, 0].tolist() == [0, 17, 33]  # 49 targets: 17, 16 and 16
    assert found[-1].lengths_B.tolist() == [2, 1, 1]


def test_another_epoch_begins_elsewhere_and_the_same_epoch_does_not() -> None:
    ids = np.arange(1000, dtype=np.int32)
    options = {"ids": ids, "columns": 2, "window": 10, "rotate": True, "seed": 5}
    first = [batches(epoch, **options)[0].ids_BT[0, 0].item() for epoch in range(4)]
    assert len(set(first)) == 4
    assert batches(2, **options)[0].ids_BT[0, 0].item() == first[2]


def test_columns_begin_anew_now_and_then_the_same_ones_for_all_ranks() -> None:
    ids = np.arange(20_000, dtype=np.int32)
    options = {"ids": ids, "columns": 20, "window": 10, "reset": 0.1, "seed": 5}
    found = np.stack([batch.starts_B.numpy() for batch in batches(1, **options)])
    assert found[0].all()
    assert 0.08 < found[1:].mean() < 0.12
    parts = [batches(1, **options, rank=rank, world=2) for rank in (0, 1)]
    for rank, part in enumerate(parts):
        assert np.array_equal(np.stack([b.starts_B.numpy() for b in part]), found[:, rank::2])
    assert not np.array_equal(
        np.stack([batch.starts_B.numpy() for batch in batches(2, **options)]), found
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_goes_on_in_the_middle_of_an_epoch(workers: int) -> None:
    def loader() -> TokenLoader[StreamBatch]:
        dataset = StreamDataset(
            np.arange(200, dtype=np.int32), columns=4, window=7, pad_id=0, rotate=True, seed=1
        )
        return TokenLoader(dataset, WindowSampler(len(dataset), seed=1), num_workers=workers)

    whole, stopped = loader(), loader()
    whole.resumable.set_epoch(2)
    expected = [batch.ids_BT.tolist() for batch in whole]
    stopped.load_state_dict({"epoch": 2, "delivered": 3})
    assert [batch.ids_BT.tolist() for batch in stopped] == expected[3:]
    assert len(stopped) == len(expected)
