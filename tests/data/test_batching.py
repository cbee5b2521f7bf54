from __future__ import annotations

import numpy as np
import pytest

from seqbench.data.batching import LengthBatchSampler
from seqbench.errors import DataError


def lengths(number: int = 1000, longest: int = 200) -> np.ndarray:
    return np.random.default_rng(0).integers(1, longest + 1, number)


def sampler(own: np.ndarray | None = None, **options: object) -> LengthBatchSampler:
    given = {"batch_size": 32, "max_tokens": 2000, "shuffle": True, "seed": 0, **options}
    return LengthBatchSampler(lengths() if own is None else own, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("max_tokens", [None, 2000, 10])
def test_every_example_once_within_the_budget(shuffle: bool, max_tokens: int | None) -> None:
    own = lengths()
    made = sampler(own, shuffle=shuffle, max_tokens=max_tokens)
    batches = list(made)
    assert len(batches) == len(made)
    assert sorted(row for batch in batches for row in batch) == list(range(1000))
    for batch in batches:
        assert 1 <= len(batch) <= 32
        if max_tokens is not None:
            assert len(batch) * own[batch].max() <= max_tokens or len(batch) == 1


def test_the_same_epoch_gives_the_same_batches_and_another_others() -> None:
    first, second = sampler(), sampler()
    list(first)  # what came before does not matter
    first.set_epoch(3)
    second.set_epoch(3)
    assert list(first) == list(second)
    second.set_epoch(4)
    assert list(first) != list(second)
    assert len(first) == len(list(first)) == len(list(second))
    assert list(sampler(seed=1)) != list(sampler(seed=0))


def test_batches_hold_like_lengths_in_random_order() -> None:
    own = lengths(10_000)
    batches = list(sampler(own, max_tokens=None))
    padded = sum(len(batch) * own[batch].max() for batch in batches)
    assert own.sum() / padded > 0.9
    means = np.array([own[batch].mean() for batch in batches])
    assert abs(np.corrcoef(means[1:], means[:-1])[0, 1]) < 0.3


def test_evaluation_begins_with_the_longest() -> None:
    own = lengths()
    batches = list(sampler(own, shuffle=False))
    order = [own[row] for batch in batches for row in batch]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize("number", [4, 5, 33, 65, 997])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_each_global_batch(number: int, shuffle: bool, world: int) -> None:
    own = lengths(number)
    together = sampler(own, shuffle=shuffle).batches(0) if number > 65 else None
    ranks = [list(sampler(own, shuffle=shuffle, rank=rank, world=world)) for rank in range(world)]
    assert len({len(batches) for batches in ranks}) == 1
    assert all(batch for batches in ranks for batch in batches)
    assert sorted(row for batches in ranks for b in batches for row in b) == list(range(number))
    whole = sampler(own, shuffle=shuffle, world=world).batches(0)
    for rank, batches in enumerate(ranks):
        assert batches == [batch[rank::world].tolist() for batch in whole]
    if together is not None and len(together[-1]) >= world:
        assert [b.tolist() for b in whole] == [b.tolist() for b in together]


def test_a_start_leaves_out_batches() -> None:
    made = sampler()
    everything = list(made)
    made.start = 5
    assert list(made) == everything[5:]
    assert len(made) == len(everything)


def test_too_few_examples_for_all_ranks() -> None:
    with pytest.raises(DataError, match="expected at least 4 examples, one a rank, got 3"):
        sampler(lengths(3), world=4)
