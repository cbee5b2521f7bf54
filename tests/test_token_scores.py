from __future__ import annotations

import math

import numpy as np
import pytest

from seqbench.token_scores import token_scores


def test_by_hand() -> None:
    # two tokens of probabilities 1/2 and 1/8: perplexity 4, two bits a token on average
    losses = np.log(np.array([2.0, 8.0]))
    scores = token_scores(losses, tokens_per_character=0.25)
    assert scores["loss"] == pytest.approx(math.log(4))
    assert scores["perplexity"] == pytest.approx(4)
    assert scores["bits_per_character"] == pytest.approx(0.5)


def test_a_perplexity_beyond_all_numbers_is_infinite() -> None:
    assert token_scores(np.array([800.0]), tokens_per_character=1)["perplexity"] == math.inf
    with pytest.raises(ValueError, match="no token"):
        token_scores(np.zeros(0), tokens_per_character=1)
