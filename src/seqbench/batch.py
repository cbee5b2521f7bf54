"""Batches and what a dataset is: the only code that owns padding, shift and mask."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from seqbench.errors import DataError

IGNORED = -100
"""The target of a position that is not scored: the number by which torch, too, knows it."""


@dataclass(kw_only=True)
class TokenBatch:
    """A batch of token sequences, padded on the right.

    Nothing changes one; it is not frozen since Lightning's 64-bit precision refuses frozen ones.

    Attributes:
        ids_BT: token ids, int64.
        lengths_B: true lengths, int64, each >= 1.
        labels_B: class ids, int64; None where there are none (prediction).
        rows_B: the row of its split that each example is, int64.
    """

    ids_BT: Tensor
    lengths_B: Tensor
    labels_B: Tensor | None
    rows_B: Tensor

    def __len__(self) -> int:
        return self.ids_BT.shape[0]

    @property
    def mask_BT(self) -> Tensor:
        """True where there is a token, False on padding."""
        positions_T = torch.arange(self.ids_BT.shape[1], device=self.ids_BT.device)
        return positions_T < self.lengths_B[:, None]

    def num_tokens(self) -> int:
        """Tokens without padding."""
        return int(self.lengths_B.sum())

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """The same batch on another device (Lightning calls this)."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same batch in page-locked memory (the DataLoader calls this)."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Any) -> Self:
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: change(v) for k, v in tensors.items() if v is not None})


@dataclass(kw_only=True)
class StreamBatch(TokenBatch):
    """A window of some streams of text, one a row, with the token that follows every position.

    A batch goes on where the one before it ended, row by row, so that a state can be carried over.

    Attributes:
        targets_BT: the next token's id at every position, int64; IGNORED where it is not scored.
        starts_B: True where the row's stream begins here, and nothing is to be carried over.
    """

    targets_BT: Tensor
    starts_B: Tensor

    @classmethod
    def of(cls, tokens_BS: Tensor, lengths_B: Tensor, *, starts_B: Tensor, pad_id: int) -> Self:
        """The batch that reads all tokens but each row's last, and predicts all but its first.

        Args:
            tokens_BS: ids, int64; of row b the first `lengths_B[b] + 1` count.
            lengths_B: positions a row, each >= 1 and <= S - 1.
            starts_B: see above.
            pad_id: the id of padding.
        """
        padding_BT = torch.arange(tokens_BS.shape[1] - 1) >= lengths_B[:, None]
        return cls(
            ids_BT=tokens_BS[:, :-1].masked_fill(padding_BT, pad_id),
            targets_BT=tokens_BS[:, 1:].masked_fill(padding_BT, IGNORED),
            lengths_B=lengths_B,
            labels_B=None,
            rows_B=torch.arange(len(lengths_B)),
            starts_B=starts_B,
        )

    def check_goes_on(self, streams: int) -> None:
        """Refuses a batch that goes on where nothing, or something else, came before.

        Args:
            streams: rows of the batch before; 0 where there was none.

        Raises:
            DataError: there are not as many rows as then, and not all of them begin.
        """
        if len(self) == streams or bool(self.starts_B.all()):
            return
        raise DataError(
            "batch",
            expected=f"{streams} rows that go on, or rows that all begin",
            got=f"{len(self)} rows, {int((~self.starts_B).sum())} of which go on",
            remedy="a stream's state is lost: read its batches in their order, from the first on",
        )


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """What models and tasks must know of a dataset; no YAML states any of it.

    Attributes:
        task: the task kind, e.g. "classification".
        vocab_size: number of token ids; None where the input is not tokens.
        pad_id: the id of padding; None likewise.
        num_classes: number of classes; None where there are none.
        label_names: names of the classes by id.
        label_counts: training examples a class, by id.
        max_len: the longest sequence that a batch can hold; of streams the training window.
        num_examples: examples a split, by split name; of streams their documents.
        num_tokens: tokens of a stream, by split name; empty where examples are what counts.
        num_characters: characters that these tokens stand for, by split name, those of the first
            token left out, which is context only; likewise.
        num_unknown: tokens of the training stream that are not in the vocabulary.
    """

    task: str
    vocab_size: int | None = None
    pad_id: int | None = None
    num_classes: int | None = None
    label_names: tuple[str, ...] = ()
    label_counts: tuple[int, ...] = ()
    max_len: int
    num_examples: dict[str, int]
    num_tokens: dict[str, int] = field(default_factory=dict)
    num_characters: dict[str, int] = field(default_factory=dict)
    num_unknown: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain containers, for a checkpoint or a record."""
        plain = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> DataSpec:
        """The spec that `to_dict` wrote."""
        tuples: dict[str, Any] = {
            name: tuple(plain[name]) for name in ("label_names", "label_counts")
        }
        return cls(**{**plain, **tuples})
