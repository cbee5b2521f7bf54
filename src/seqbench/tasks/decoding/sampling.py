"""How the next token is chosen from a model's logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_type_hints

import torch
from torch import Tensor

from seqbench.domains import Bounds, NonNegativeFloat, PositiveFloat, PositiveInt
from seqbench.tasks.decoding.ranges import refuse_outside

Share = Annotated[float, Bounds(low=0, high=1, open_low=True)]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """What is done to a model's distribution before a token is drawn from it, in this order.

    Attributes:
        repetition_penalty: divides the positive logits of tokens that the text holds already, and
            multiplies the negative ones (Keskar et al. 2019, CTRL, section 4.1); 1 changes nothing.
        temperature: divides the logits; 0 leaves the likeliest token alone (greedy), 1 changes
            nothing, and a very high one makes all tokens equally likely.
        top_k: keep the k likeliest tokens (Fan et al. 2018, section 5.4); None keeps all.
        top_p: keep the likeliest tokens that together have at least this probability, as few as
            will do (Holtzman et al. 2020, section 3.1); 1 keeps all.

    Raises:
        ConfigError: a value out of its range.
    """

    repetition_penalty: PositiveFloat = 1.0
    temperature: NonNegativeFloat = 1.0
    top_k: PositiveInt | None = None
    top_p: Share = 1.0

    def __post_init__(self) -> None:
        for name, domain in get_type_hints(type(self), include_extras=True).items():
            refuse_outside(name, getattr(self, name), domain)

    def distribution(
        self, logits_BV: Tensor, seen_BV: Tensor, temperature_B: Tensor | None = None
    ) -> Tensor:
        """What a token is drawn from, probabilities_BV in double precision.

        Args:
            logits_BV: of the model; -inf where a token cannot be.
            seen_BV: True where the row's text holds the token.
            temperature_B: one a row, in place of the one for all.
        """
        logits_BV = logits_BV.double()
        if self.repetition_penalty != 1.0:
            factor, most = self.repetition_penalty, torch.finfo(logits_BV.dtype).max
            penalised_BV = torch.where(logits_BV > 0, logits_BV / factor, logits_BV * factor)
            # a factor near the ends of its range: no token may become the only or an impossible one
            penalised_BV = penalised_BV.clamp(-most, most)
            logits_BV = torch.where(seen_BV & logits_BV.isfinite(), penalised_BV, logits_BV)
        if temperature_B is None:
            temperature_B = logits_BV.new_full((len(logits_BV),), self.temperature)
        temperature_B1 = temperature_B.to(logits_BV)[:, None]
        # the likeliest one's logit becomes 0 first: a tiny temperature then makes no infinity
        logits_BV = logits_BV - logits_BV.amax(1, keepdim=True)
        greedy_BV = torch.zeros_like(logits_BV)
        greedy_BV.scatter_(1, logits_BV.argmax(1, keepdim=True), 1.0)
        divisor_B1 = torch.where(temperature_B1 > 0, temperature_B1, 1.0)
        warm_BV = self._kept((logits_BV / divisor_B1).softmax(1))
        return torch.where(temperature_B1 > 0, warm_BV, greedy_BV)

    def _kept(self, probabilities_BV: Tensor) -> Tensor:
        """The distribution over the tokens that top_k and top_p leave."""
        if self.top_k is None and self.top_p == 1.0:
            return probabilities_BV
        ordered_BV, order_BV = probabilities_BV.sort(dim=1, descending=True, stable=True)
        if self.top_k is not None:
            ordered_BV[:, self.top_k :] = 0
            ordered_BV /= ordered_BV.sum(1, keepdim=True)
        before_BV = ordered_BV.cumsum(1) - ordered_BV
        # Rounding must not let a token in that is not needed to reach the share.
        dropped_BV = before_BV >= self.top_p - 1e-12
        dropped_BV[:, 0] = False  # a share smaller than that slack still has its likeliest token
        ordered_BV[dropped_BV] = 0
        kept_BV = torch.zeros_like(probabilities_BV).scatter_(1, order_BV, ordered_BV)
        return kept_BV / kept_BV.sum(1, keepdim=True)
