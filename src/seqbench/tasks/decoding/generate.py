"""Writes texts, token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqbench.domains import NonNegativeInt
from seqbench.tasks.decoding.continuation import Continuation
from seqbench.tasks.decoding.ranges import refuse_outside
from seqbench.tasks.decoding.sampling import Sampling


@dataclass(frozen=True, kw_only=True)
class Step:
    """One more token of every text.

    Attributes:
        ids_B: the tokens.
        losses_B: their negative log likelihood under the model as it is, in nats.
        entropies_B: of the distribution that each was drawn from, in nats.
    """

    ids_B: Tensor
    losses_B: Tensor
    entropies_B: Tensor


def generate(
    continuation: Continuation,
    prompts: Sequence[Sequence[int]],
    *,
    sampling: Sampling,
    seed: NonNegativeInt,
    first: NonNegativeInt = 0,
    banned: Sequence[int] = (),
    temperatures: Sequence[float] | None = None,
) -> Iterator[Step]:
    """Goes on with the prompts for as long as it is asked to.

    Tokens are chosen on the CPU in double precision, and each text has random numbers of its own, a
    function of the seed and the text's number: it is the same whatever texts stand beside it.

    Args:
        continuation: the model's.
        prompts: token ids, at least one each; a row a text.
        sampling: how tokens are chosen.
        seed: of the draws.
        first: the number of the first text; the others' follow.
        banned: tokens that are never written.
        temperatures: one a text, in place of the one for all.

    Raises:
        ConfigError: a seed below 0.
    """
    refuse_outside("seed", seed, NonNegativeInt)
    with torch.inference_mode():
        logits_BV = continuation.begin(prompts).cpu().double()
    draws = [np.random.default_rng([seed, first + row]) for row in range(len(prompts))]
    temperature_B = (
        None if temperatures is None else torch.tensor(temperatures, dtype=torch.float64)
    )
    seen_BV = torch.zeros(logits_BV.shape, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        seen_BV[row, torch.tensor(list(prompt))] = True
    rows_B = torch.arange(len(prompts))
    banned_N = torch.tensor(list(banned), dtype=torch.int64)
    while True:
        with torch.inference_mode():
            allowed_BV = logits_BV.index_fill(1, banned_N, -torch.inf)
            probabilities_BV = sampling.distribution(allowed_BV, seen_BV, temperature_B)
            ids_B = _drawn(probabilities_BV, [draw.random() for draw in draws])
            step = Step(
                ids_B=ids_B,
                losses_B=-logits_BV.log_softmax(1)[rows_B, ids_B],
                entropies_B=-torch.special.xlogy(probabilities_BV, probabilities_BV).sum(1),
            )
            seen_BV[rows_B, ids_B] = True
        yield step
        with torch.inference_mode():
            logits_BV = continuation.append(ids_B).cpu().double()


def _drawn(probabilities_BV: Tensor, uniform: Sequence[float]) -> Tensor:
    """A token of each distribution: the first whose cumulative share exceeds the number."""
    shares_BV = probabilities_BV.cumsum(1)
    shares_BV = shares_BV / shares_BV[:, -1:]  # else rounding could leave no token
    uniform_B1 = torch.tensor(uniform, dtype=shares_BV.dtype)[:, None]
    return torch.searchsorted(shares_BV, uniform_B1, right=True)[:, 0]
