"""From encoded examples to batches of tensors."""

from __future__ import annotations

import signal
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from seqbench.batch import TokenBatch
from seqbench.data.encoded import Encoded

Truncate = Literal["head", "tail"]
WORKER_SECONDS = 60  # between SIGTERM and a worker's end, for a last checkpoint


class TokenDataset(Dataset[TokenBatch]):
    """Encoded examples, fetched a whole batch at a time.

    Args:
        encoded: the examples.
        max_len: most tokens an example.
        truncate: which end of a longer example is kept: "head" or "tail".
        pad_id: the id of padding.
        shuffle_tokens: put each example's tokens in a random order, the same every time.
        seed: of those orders.
    """

    def __init__(
        self,
        encoded: Encoded,
        *,
        max_len: int,
        truncate: Truncate = "head",
        pad_id: int = 0,
        shuffle_tokens: bool = False,
        seed: int = 0,
    ) -> None:
        self.encoded = encoded
        self.max_len = max_len
        self.truncate = truncate
        self.pad_id = pad_id
        self.shuffle_tokens = shuffle_tokens
        self.seed = seed

    def __len__(self) -> int:
        return len(self.encoded)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens an example after truncation, shape N."""
        return np.minimum(self.encoded.lengths, self.max_len)

    def __getitem__(self, row: int) -> TokenBatch:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> TokenBatch:
        """The batch of these rows."""
        rows_B = np.asarray(rows, dtype=np.int64)
        starts_B, ends_B = self.encoded.offsets[rows_B], self.encoded.offsets[rows_B + 1]
        lengths_B = np.minimum(ends_B - starts_B, self.max_len)
        if self.truncate == "tail":
            starts_B = ends_B - lengths_B
        steps_T = np.arange(lengths_B.max())
        mask_BT = steps_T < lengths_B[:, None]
        order_BT = self._random_order(rows_B, mask_BT) if self.shuffle_tokens else steps_T[None]
        ids_BT = np.full(mask_BT.shape, self.pad_id, dtype=np.int64)
        ids_BT[mask_BT] = self.encoded.ids[(starts_B[:, None] + order_BT)[mask_BT]]
        labels = self.encoded.labels
        return TokenBatch(
            ids_BT=torch.from_numpy(ids_BT),
            lengths_B=torch.from_numpy(lengths_B),
            labels_B=None if labels is None else torch.from_numpy(labels[rows_B]),
            rows_B=torch.from_numpy(rows_B),
        )

    def _random_order(
        self, rows_B: NDArray[np.int64], mask_BT: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """For every row a permutation of its positions; it depends on (seed, row) alone."""
        steps_T = np.arange(mask_BT.shape[1], dtype=np.uint64)
        salt = np.uint64((self.seed * 0x9E3779B97F4A7C15 + 1) % 2**64)
        keys_BT = _mix(_mix(rows_B.astype(np.uint64) + salt)[:, None] + steps_T)
        keys_BT[~mask_BT] = np.iinfo(np.uint64).max
        return np.argsort(keys_BT, axis=1, kind="stable").astype(np.int64)


Batch = TypeVar("Batch", bound=TokenBatch)


class Resumable(Protocol):
    """A batch sampler that can go on in the middle of an epoch; see `LengthBatchSampler`.

    Attributes:
        seed: of the order.
        epoch: the epoch that the next iteration gives.
        start: batches that an iteration leaves out.
    """

    seed: int
    epoch: int
    start: int

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches the next iteration gives."""


class TokenLoader(DataLoader[Batch], Generic[Batch]):
    """A DataLoader over `TokenBatch`es that can go on in the middle of an epoch.

    It draws nothing from the global random state; the order of batches depends on seed and epoch.
    An iteration begins when its first batch is asked for: until then a state can be loaded into it.

    Attributes:
        delivered: batches of the current epoch that were handed out.
        unfinished: how many of them a checkpoint must not count, since they are not trained on yet.
    """

    def __init__(
        self, dataset: Dataset[Batch], sampler: Resumable, *, num_workers: int = 0
    ) -> None:
        super().__init__(
            dataset,
            batch_sampler=sampler,  # type: ignore[arg-type]
            collate_fn=_as_it_is,
            generator=torch.Generator().manual_seed(sampler.seed),
            num_workers=num_workers,
            worker_init_fn=_leave_stops_to_training,
            persistent_workers=num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )
        self.resumable = sampler
        self.delivered = 0
        self.unfinished = 0

    def __iter__(self) -> Any:
        self.delivered = self.resumable.start
        batches = super().__iter__()
        # with workers torch asks the sampler twice before the first batch, so it must not forget
        self.resumable.start = 0
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except (ConnectionError, EOFError) as error:
                # As torch says it where the worker did not die in the middle of a batch.
                raise RuntimeError("DataLoader worker exited unexpectedly") from error
            self.delivered += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """The epoch, and the batches of it that are done."""
        return {
            "epoch": self.resumable.epoch,
            "delivered": max(0, self.delivered - self.unfinished),
        }

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on behind the batches that are done, in the next iteration."""
        self.resumable.set_epoch(state["epoch"])
        self.resumable.start = self.delivered = state["delivered"]


def _as_it_is(batch: Any) -> Any:
    return batch


def _leave_stops_to_training(_: int) -> None:
    """In a worker: a stop for the whole process group must not end it before the checkpoint.

    It ends with its loader. SIGTERM is also how Python ends one that is left at its own exit, and
    waits for it then: so there is an end to it.
    """
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(WORKER_SECONDS))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64-bit integers (the finaliser of splitmix64: Steele, Lea & Flood 2014)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
