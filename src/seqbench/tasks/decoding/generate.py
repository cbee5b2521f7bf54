"""Writes texts, token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqbench.tasks.decoding.continuation import Continuation
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
    seed: int,
    banned: Sequence[int] = (),
    temperatures: Sequence[float] | None = None,
) -> Iterator[Step]:
    """Goes on with the prompts for as long as it is asked to.

    Args:
        continuation: the model's.
        prompts: token ids, at least one each; a row a text.
        sampling: how tokens are chosen.
        seed: of the draws; the same seed gives the same texts on the same device.
        banned: tokens that are never written.
        temperatures: one a text, in place of the one for all.
    """
    with torch.inference_mode():
        logits_BV = continuation.begin(prompts)
    device = logits_BV.device
    generator = torch.Generator(device=device).manual_seed(seed)
    temperature_B = None if temperatures is None else torch.tensor(temperatures, device=device)
    seen_BV = torch.zeros(logits_BV.shape, dtype=torch.bool, device=device)
    for row, prompt in enumerate(prompts):
        seen_BV[row, torch.tensor(list(prompt), device=device)] = True
    rows_B = torch.arange(len(prompts), device=device)
    banned_N = torch.tensor(list(banned), dtype=torch.int64, device=device)
    while True:
        with torch.inference_mode():
            allowed_BV = logits_BV.index_fill(1, banned_N, -torch.inf)
            probabilities_BV = sampling.distribution(allowed_BV, seen_BV, temperature_B)
            ids_B = torch.multinomial(probabilities_BV, 1, generator=generator)[:, 0]
            step = Step(
                ids_B=ids_B,
                losses_B=-logits_BV.double().log_softmax(1)[rows_B, ids_B],
                entropies_B=-torch.special.xlogy(probabilities_BV, probabilities_BV).sum(1),
            )
            seen_BV[rows_B, ids_B] = True
        yield step
        with torch.inference_mode():
            logits_BV = continuation.append(ids_B)
