from __future__ import annotations

import gc
import os
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.batch import TokenBatch
from seqbench.data.batching import LengthBatchSampler
from seqbench.data.encoded import Encoded, encode_texts
from seqbench.data.loader import TokenDataset, TokenLoader
from seqbench.data.tokenizers.word import WordTokenizer


@pytest.fixture
def encoded() -> Encoded:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 12, 50)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.arange(4, 4 + offsets[-1], dtype=np.int32)
    return Encoded(ids, offsets, rng.integers(0, 3, 50))


def loader(
    encoded: Encoded, *, shuffle: bool = True, num_workers: int = 0
) -> TokenLoader[TokenBatch]:
    dataset = TokenDataset(encoded, max_len=8)
    sampler = LengthBatchSampler(
        dataset.lengths, batch_size=8, max_tokens=None, shuffle=shuffle, seed=0
    )
    return TokenLoader(dataset, sampler, num_workers=num_workers)


def test_a_batch_equals_one_built_row_by_row(encoded: Encoded) -> None:
    batch = TokenDataset(encoded, max_len=8).__getitems__([3, 7, 0])
    rows = [
        encoded.ids[encoded.offsets[r] : encoded.offsets[r + 1]][:8].tolist() for r in (3, 7, 0)
    ]
    width = max(map(len, rows))
    assert batch.ids_BT.tolist() == [row + [0] * (width - len(row)) for row in rows]
    assert batch.ids_BT.dtype == torch.int64
    assert batch.lengths_B.tolist() == list(map(len, rows))
    assert batch.rows_B.tolist() == [3, 7, 0]
    assert encoded.labels is not None and batch.labels_B is not None
    assert batch.labels_B.tolist() == encoded.labels[[3, 7, 0]].tolist()


def test_the_tail_can_be_kept(encoded: Encoded) -> None:
    batch = TokenDataset(encoded, max_len=2, truncate="tail").__getitems__(list(range(50)))
    for row in range(50):
        own = encoded.ids[encoded.offsets[row] : encoded.offsets[row + 1]][-2:].tolist()
        assert batch.ids_BT[row, : len(own)].tolist() == own


def test_shuffled_tokens_are_the_same_tokens_whatever_the_batch(encoded: Encoded) -> None:
    dataset = TokenDataset(encoded, max_len=8, shuffle_tokens=True, seed=5)
    together = dataset.__getitems__(list(range(50)))
    plain = TokenDataset(encoded, max_len=8).__getitems__(list(range(50)))
    assert together.ids_BT.sort().values.tolist() == plain.ids_BT.sort().values.tolist()
    assert (together.ids_BT != plain.ids_BT).any(dim=1).float().mean() > 0.6
    for row in (0, 9, 30):
        alone, length = dataset[row].ids_BT[0], int(together.lengths_B[row])
        assert alone.tolist() == together.ids_BT[row, :length].tolist()


def test_the_global_random_state_is_left_alone(encoded: Encoded) -> None:
    before = torch.get_rng_state()
    list(loader(encoded))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_going_on_within_an_epoch(encoded: Encoded, num_workers: int) -> None:
    whole = loader(encoded)
    whole.resumable.set_epoch(2)
    expected = [batch.rows_B.tolist() for batch in whole]
    stopped = loader(encoded, num_workers=num_workers)
    stopped.resumable.set_epoch(2)
    batches = iter(stopped)
    seen = [next(batches).rows_B.tolist() for _ in range(3)]
    stopped.unfinished = 1  # the third is handed out, and not trained on yet
    state = stopped.state_dict()
    assert state == {"epoch": 2, "delivered": 2}
    resumed = loader(encoded, num_workers=num_workers)
    resumed.load_state_dict(state)
    rest = [batch.rows_B.tolist() for batch in resumed]
    assert seen[:2] + rest == expected
    assert len(resumed) == len(expected)
    assert len(list(resumed)) == len(expected)  # the next epoch is whole again


def test_a_stop_for_the_whole_group_leaves_its_workers(encoded: Encoded) -> None:
    made = loader(encoded, num_workers=1)
    batches = iter(made)
    next(batches)
    (worker,) = made._iterator._workers  # type: ignore[union-attr]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        os.kill(worker.pid, number)
    assert len(list(batches)) == len(made) - 1
    del batches, made
    gc.collect()
    assert not worker.is_alive()


def test_lightning_sets_the_epoch(encoded: Encoded) -> None:
    from pytorch_lightning import LightningModule, Trainer

    rows: list[list[int]] = []

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def training_step(self, batch: TokenBatch, _: int) -> torch.Tensor:
            rows.append(batch.rows_B.tolist())
            return self.weight.sum()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    made = loader(encoded)
    trainer = Trainer(
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        accelerator="cpu",
    )
    trainer.fit(Module(), made)
    sampler = made.resumable
    assert rows == [batch.tolist() for epoch in (0, 1) for batch in sampler.batches(epoch)]


def test_a_mapped_split_is_pickled_as_its_place(encoded: Encoded, tmp_path: Path) -> None:
    encoded.save(tmp_path, "train")
    mapped = Encoded.open(tmp_path, "train")
    assert isinstance(mapped.ids, np.memmap)
    again = pickle.loads(pickle.dumps(mapped))
    assert isinstance(again.ids, np.memmap)
    assert again.ids.tolist() == encoded.ids.tolist()
    assert len(pickle.dumps(mapped)) < 1000
    assert pickle.loads(pickle.dumps(encoded)).ids.tolist() == encoded.ids.tolist()


def test_texts_without_tokens_become_one_unknown_token() -> None:
    tokenizer = WordTokenizer(min_freq=1)
    tokenizer.train(["a b c"])
    encoded, num_empty = encode_texts(["", "a b", " ", "c", ""], None, tokenizer)
    assert num_empty == 3
    parts = [
        encoded.ids[low:high].tolist()
        for low, high in zip(encoded.offsets, encoded.offsets[1:], strict=False)
    ]
    a, b, c = tokenizer.encode("a b c")
    assert parts == [[1], [a, b], [1], [c], [1]]
    assert encoded.lengths.tolist() == [1, 2, 1, 1, 1]
