"""Batches of texts that belong to no dataset: for predictions, and evaluation on other files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from seqbench.batch import TokenBatch
from seqbench.data.batching import LengthBatchSampler
from seqbench.data.encoded import encode_texts
from seqbench.data.loader import TokenDataset, TokenLoader, Truncate
from seqbench.data.tokenizers.tokenizer import Tokenizer
from seqbench.errors import DataError

log = logging.getLogger(__name__)

EVALUATION_FACTOR = 4
"""Evaluation keeps no gradients: its batches hold so many times as much as training batches."""


def label_ids(labels: Sequence[str], label_names: Sequence[str]) -> NDArray[np.int64]:
    """The class ids of label names, shape N.

    Raises:
        DataError: a label is not among the classes.
    """
    ids = {name: i for i, name in enumerate(label_names)}
    for row, label in enumerate(labels):
        if label not in ids:
            close = get_close_matches(str(label), list(label_names), n=1)
            raise DataError(
                f"label of example {row + 1}",
                expected="one of the training classes " + listed(label_names),
                got=repr(label),
                remedy=f"did you mean {close[0]!r}?" if close else "",
            )
    return np.array([ids[label] for label in labels], dtype=np.int64)


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names for a message; of very many the first."""
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"


def examples_loader(
    texts: Sequence[str],
    labels: Sequence[str] | None = None,
    *,
    tokenizer: Tokenizer,
    label_names: Sequence[str],
    max_len: int,
    truncate: Truncate = "head",
    batch_size: int = 256,
    max_tokens: int | None = 65536,
    shuffle_tokens: bool = False,
    seed: int = 0,
) -> TokenLoader[TokenBatch]:
    """Batches of these texts for a trained model; needs a run's tokenizer and label names, no data.

    Batches are sorted by length: `rows_B` says which text is which.

    Args:
        texts: raw texts; at least one.
        labels: their class names, where they are known.
        tokenizer: trained.
        label_names: the model's classes by id.
        max_len: longer texts are cut to so many tokens.
        truncate: which end of a longer text is kept.
        batch_size: most examples a batch.
        max_tokens: most tokens a batch, padding included.
        shuffle_tokens: put each text's tokens in a random order.
        seed: of those orders.

    Raises:
        DataError: there is no text, or a label is not one of the classes.
    """
    if not texts:
        raise DataError("texts", expected="at least one", got="none")
    ids = label_ids(labels, label_names) if labels is not None else None
    encoded, _ = encode_texts(texts, ids, tokenizer)
    if longer := int((encoded.lengths > max_len).sum()):
        end = "first" if truncate == "head" else "last"
        log.warning("%d of %d texts cut to their %s %d tokens", longer, len(texts), end, max_len)
    dataset = TokenDataset(
        encoded,
        max_len=max_len,
        truncate=truncate,
        pad_id=tokenizer.pad_id,
        shuffle_tokens=shuffle_tokens,
        seed=seed,
    )
    sampler = LengthBatchSampler(
        dataset.lengths, batch_size=batch_size, max_tokens=max_tokens, shuffle=False, seed=seed
    )
    return TokenLoader(dataset, sampler)
