"""What a tokenizer makes of a text that a reader of its scores must know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.data.tokenizers.tokenizer import Tokenizer

LOOKED_AT = 20_000
"""Characters of the training text that are spelled again; what is lost is lost everywhere."""


def vocabulary_notes(
    tokenizer: Tokenizer,
    documents: Mapping[str, Sequence[str]],
    ids: Mapping[str, NDArray[np.int32]],
) -> list[str]:
    """Notes on unknown tokens, a split each, and on what tokens do not tell of the text."""
    notes = []
    for split, of_split in ids.items():
        if said := unknown_tokens(of_split, tokenizer.unk_id):
            notes.append(f"{split}: {said}")
    if lost := lost_of(documents["train"], tokenizer):
        notes.append(
            f"tokens do not tell {' and '.join(lost)}: bits per character compare only with those "
            "of runs that leave out the same"
        )
    return notes


def unknown_tokens(ids: NDArray[np.int32], unk_id: int) -> str:
    """How many tokens of a text the vocabulary lacks; empty where it has all."""
    unknown = int((ids == unk_id).sum())
    if not unknown:
        return ""
    return (
        f"{unknown:,} of {len(ids):,} tokens are not in the vocabulary, "
        "read and scored as the unknown one"
    )


def lost_of(documents: Sequence[str], tokenizer: Tokenizer) -> list[str]:
    """What of a text cannot be read in its tokens, by its beginning."""
    found: dict[str, None] = {}
    left = LOOKED_AT
    for document in documents:
        text = document[:left]
        spelled = tokenizer.decode(tokenizer.encode(text))
        found |= dict.fromkeys(_differences(text, spelled))
        left -= len(text)
        if left <= 0:
            break
    return list(found)


def _differences(text: str, spelled: str) -> list[str]:
    dense, dense_spelled = "".join(text.split()), "".join(spelled.split())
    if dense.lower() != dense_spelled.lower():
        return ["some characters"]
    found = ["letter case"] if dense != dense_spelled else []
    return [*found, "white space"] if text.lower() != spelled.lower() else found
