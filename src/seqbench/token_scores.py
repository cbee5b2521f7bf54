"""Scores of a language model on a split: one definition for networks and baselines."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def token_scores(
    losses: NDArray[np.floating], *, tokens_per_character: float
) -> dict[str, float | None]:
    """Scores from the loss of every predicted token.

    Args:
        losses: negative log likelihoods in nats, shape N, N >= 1.
        tokens_per_character: of the split's text; 1 for characters. Where a tokenizer drops or
            joins characters, bits per character are those of what is left, spread over all.

    Returns:
        loss (nats a token, the mean), perplexity (its exponential), bits_per_character.
    """
    if not len(losses):
        raise ValueError("no token was predicted")
    loss = float(np.asarray(losses, dtype=np.float64).mean())
    return {
        "loss": loss,
        "perplexity": math.exp(loss) if loss < 700 else math.inf,
        "bits_per_character": loss / math.log(2) * tokens_per_character,
    }
