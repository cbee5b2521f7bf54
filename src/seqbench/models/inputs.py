"""Inputs: what turns a batch of token ids into the vectors that an encoder reads."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from seqbench.batch import TokenBatch
from seqbench.domains import PositiveInt, Probability
from seqbench.models.layers.word_dropout import WordDropout

EMBEDDING_STD = 0.1
"""Standard deviation of new word vectors: near 1 / sqrt(width) at the usual widths."""


class Inputs(nn.Module, ABC):
    """A batch in, vectors and their mask out.

    Attributes:
        d_output: width of the vectors; the encoder's `d_input`.
    """

    d_output: int

    @abstractmethod
    def forward(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """The vectors x_BTD (float) and mask_BT (bool, True where a vector stands)."""


class LearnedEmbedding(Inputs):
    """One learned vector a token; padding is the zero vector and learns nothing.

    Args:
        vocab_size: number of token ids.
        pad_id: the id of padding.
        d_embed: width of a vector.
        dropout: share of single elements set to zero in training.
        word_dropout: share of token types left out throughout a batch (see WordDropout).
    """

    def __init__(
        self,
        *,
        vocab_size: PositiveInt,
        pad_id: int,
        d_embed: PositiveInt = 128,
        dropout: Probability = 0.2,
        word_dropout: Probability = 0.0,
    ) -> None:
        super().__init__()
        self.d_output = d_embed
        self.embedding = nn.Embedding(vocab_size, d_embed, padding_idx=pad_id)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        with torch.no_grad():
            self.embedding.weight[pad_id].zero_()
        self.word_dropout = WordDropout(rate=word_dropout, vocab_size=vocab_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """The vectors x_BTD and mask_BT."""
        x_BTD = self.word_dropout(self.embedding(batch.ids_BT), batch.ids_BT)
        return self.dropout(x_BTD), batch.mask_BT


class OneHot(Inputs):
    """A 1 at the token's id, 0 elsewhere; all 0 on padding. Nothing is learned.

    Memory grows with batch x time x vocabulary: meant for characters and other small vocabularies.

    Args:
        vocab_size: number of token ids, the width of a vector.
        pad_id: the id of padding.
    """

    def __init__(self, *, vocab_size: PositiveInt, pad_id: int) -> None:
        super().__init__()
        self.d_output = vocab_size
        self.pad_id = pad_id

    def forward(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """The vectors x_BTV and mask_BT."""
        mask_BT = batch.mask_BT
        x_BTV = torch.zeros(*batch.ids_BT.shape, self.d_output, device=batch.ids_BT.device)
        x_BTV.scatter_(2, batch.ids_BT[..., None], mask_BT[..., None].to(x_BTV.dtype))
        return x_BTV, mask_BT


class Counts(Inputs):
    """Bag of words: how often each token occurs, as a sequence of one vector.

    Args:
        vocab_size: number of token ids, the width of the vector.
        pad_id: the id of padding, which is not counted.
        binary: whether a token occurs, in place of how often.
        log: log(1 + count), which keeps a frequent word from drowning the others.
    """

    def __init__(
        self, *, vocab_size: PositiveInt, pad_id: int, binary: bool = False, log: bool = True
    ) -> None:
        super().__init__()
        self.d_output = vocab_size
        self.pad_id = pad_id
        self.binary = binary
        self.log = log

    def forward(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """The counts x_B1V and a mask_B1 that is True."""
        size, device = len(batch), batch.ids_BT.device
        counts_BV = torch.zeros(size, self.d_output, device=device)
        counts_BV.scatter_add_(1, batch.ids_BT, batch.mask_BT.to(counts_BV.dtype))
        if self.binary:
            counts_BV = counts_BV.clamp_(max=1.0)
        if self.log:
            counts_BV = counts_BV.log1p_()
        return counts_BV[:, None], torch.ones(size, 1, dtype=torch.bool, device=device)
