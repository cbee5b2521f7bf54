"""Interpolated Kneser-Ney n-grams: the strong classic for language modelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from seqbench.baselines.baseline import Floats, not_fitted, read_state, write_state
from seqbench.baselines.language.language_baseline import Ids, LanguageBaseline
from seqbench.domains import PositiveInt
from seqbench.errors import DataError

MISSING = -1
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """The n-grams of one length, sorted: which there are, and what they are worth.

    An n-gram's key is (number of its first n - 1 tokens among the shorter n-grams) · V + its last
    token; for n = 1 the key is the token.

    Attributes:
        keys: of the n-grams, ascending, shape N.
        kept: their counts less the discount, shape N.
        totals: by context: the sum of the counts of what follows it; 0 where nothing does.
        spared: by context: what the discounts took from them.
    """

    keys: Indices
    kept: Floats
    totals: Floats
    spared: Floats


class KneserNey(LanguageBaseline):
    """Interpolated n-grams whose shorter orders count contexts, not occurrences.

    Kneser and Ney 1995 (Improved Backing-off for M-gram Language Modeling), interpolated, and as a
    default modified: one discount each for counts of one, two, and three or more (Chen and Goodman
    1998, An Empirical Study of Smoothing Techniques for Language Modeling, section 3):

        p(w | h) = (c(h w) - D(c(h w))) / c(h ·) + (spared share of h) · p(w | h without its first)

    where c counts occurrences for the longest n-grams, and for shorter ones in how many different
    tokens' wake they occur. Single tokens are interpolated with the uniform distribution over the
    vocabulary, so that every token has a probability and all sum to 1.

    Args:
        order: tokens of the longest n-grams.
        discount: "modified" (three discounts an order) or "plain" (one).
    """

    def __init__(
        self, *, order: PositiveInt = 5, discount: Literal["modified", "plain"] = "modified"
    ) -> None:
        self.order = order
        self.discount = discount
        self._vocab_size = 0
        self._orders: list[Order] = []

    @property
    def num_parameters(self) -> int:
        """One number an n-gram."""
        return sum(len(order.keys) for order in self._orders)

    @property
    def context(self) -> int:
        """All tokens of the longest n-grams but their last."""
        return self.order - 1

    def fit(self, ids: Ids, vocab_size: int) -> None:
        """Counts all n-grams up to the order."""
        if len(ids) < self.order:
            raise DataError(
                "kneser_ney",
                expected=f"a training text of at least model.order={self.order} tokens",
                got=str(len(ids)),
                remedy="lower model.order",
            )
        tokens_N = ids.astype(np.int64)
        self._vocab_size = vocab_size
        self._orders = []
        ends_N = np.zeros(len(ids) + 1, dtype=np.int64)  # number of the context before each place
        num_contexts = 1
        counted = [_Counted.of(tokens_N, ends_N[:-1], vocab_size, num_contexts)]
        for _ in range(1, self.order):
            shorter = counted[-1]
            counted.append(
                _Counted.of(
                    tokens_N[len(tokens_N) - len(shorter.numbers) + 1 :],
                    shorter.numbers[:-1],
                    vocab_size,
                    len(shorter.keys),
                )
            )
        for place, grams in enumerate(counted):
            longest = place + 1 == self.order
            counts = grams.counts if longest else _continuations(grams, counted[place + 1])
            self._orders.append(self._worth(grams, counts, vocab_size))

    def losses(self, ids: Ids) -> Floats:
        """See LanguageBaseline."""
        losses: Floats = -np.log(self._probabilities(ids.astype(np.int64))[1:])
        return losses

    def distribution(self, history: Sequence[int]) -> Floats:
        """See LanguageBaseline."""
        if not self._orders:
            raise not_fitted(self)
        recent = [int(token) for token in history][max(0, len(history) - self.order + 1) :]
        probabilities_V = np.full(self._vocab_size, 1 / self._vocab_size)
        for place, order in enumerate(self._orders):
            context = self._number(recent[len(recent) - place :]) if place else 0
            if place > len(recent) or context == MISSING or not order.totals[context]:
                break
            low, high = np.searchsorted(
                order.keys, [context * self._vocab_size, (context + 1) * self._vocab_size]
            )
            total = order.totals[context]
            probabilities_V = probabilities_V * (order.spared[context] / total)
            tokens = order.keys[low:high] - context * self._vocab_size
            probabilities_V[tokens] += order.kept[low:high] / total
        return probabilities_V

    def save(self, folder: Path) -> None:
        """Writes settings and n-grams."""
        if not self._orders:
            raise not_fitted(self)
        settings = {"order": self.order, "discount": self.discount}
        arrays = {
            f"{field.name}_{number}": getattr(order, field.name)
            for number, order in enumerate(self._orders)
            for field in fields(Order)
        }
        write_state(
            folder,
            kind="kneser_ney",
            settings={"settings": settings, "vocab_size": self._vocab_size},
            arrays=arrays,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads settings and n-grams."""
        saved, arrays = read_state(folder, kind="kneser_ney")
        model = cls(**saved["settings"])
        model._vocab_size = saved["vocab_size"]
        names = [field.name for field in fields(Order)]
        model._orders = [
            Order(*(arrays[f"{name}_{number}"] for name in names)) for number in range(model.order)
        ]
        return model

    def _worth(self, grams: _Counted, counts: Indices, vocab_size: int) -> Order:
        """What an order's n-grams are worth by these counts."""
        discounts = self._discounts(counts)[np.minimum(counts, 3)]
        discounts = np.minimum(discounts, counts)  # a count of 0 has nothing to spare
        contexts, size = grams.keys // vocab_size, grams.num_contexts
        return Order(
            keys=grams.keys,
            kept=counts - discounts,
            totals=_summed(contexts, counts.astype(np.float64), size),
            spared=_summed(contexts, discounts, size),
        )

    def _discounts(self, counts: Indices) -> Floats:
        """The discount of counts 0, 1, 2, and 3 or more (Chen and Goodman 1998, equation 26)."""
        n1, n2, n3, n4 = (int((counts == n).sum()) for n in range(1, 5))
        base = n1 / (n1 + 2 * n2) if n1 else 0.5  # where the estimate has nothing to go by
        if self.discount == "plain" or not (n1 and n2 and n3):
            return np.array([0.0, base, base, base])
        found = [1 - 2 * base * n2 / n1, 2 - 3 * base * n3 / n2, 3 - 4 * base * n4 / n3]
        # Little text can make an estimate absurd, and with nothing spared a token impossible.
        inside = (0 < found[0] <= 1, 0 < found[1] <= 2, 0 < found[2] <= 3)
        sane = [d if right else base for d, right in zip(found, inside, strict=True)]
        return np.array([0.0, *sane])

    def _probabilities(self, tokens_N: Indices) -> Floats:
        """Of every token of a text after those before it, the first one included, shape N."""
        if not self._orders:
            raise not_fitted(self)
        probabilities_N = np.full(len(tokens_N), 1 / self._vocab_size)
        contexts_N = np.zeros(len(tokens_N), dtype=np.int64)
        for order in self._orders:
            known_N = contexts_N != MISSING
            totals_N = np.where(known_N, order.totals[contexts_N], 0.0)
            grams_N = _find(order.keys, contexts_N * self._vocab_size + tokens_N)
            grams_N[~known_N] = MISSING
            kept_N = np.where(grams_N != MISSING, order.kept[grams_N], 0.0)
            seen_N = totals_N > 0
            mixed_N = kept_N + np.where(known_N, order.spared[contexts_N], 0.0) * probabilities_N
            probabilities_N[seen_N] = mixed_N[seen_N] / totals_N[seen_N]
            # this order's n-gram that ends before a token is the next order's context of it
            contexts_N = np.concatenate([[MISSING], grams_N[:-1]])
        return probabilities_N

    def _number(self, tokens: Sequence[int]) -> int:
        """The number of an n-gram among those of its length."""
        number = 0
        for order, token in zip(self._orders, tokens, strict=False):
            number = int(_find(order.keys, np.array([number * self._vocab_size + token]))[0])
            if number == MISSING:
                return MISSING
        return number


@dataclass(frozen=True)
class _Counted:
    """The n-grams of one length in the training text.

    Attributes:
        keys: as in `Order`.
        counts: how often each occurs.
        numbers: of every place that an n-gram ends at, which n-gram that is.
        first: a place (in `numbers`) where each ends.
        num_contexts: how many shorter n-grams there are.
    """

    keys: Indices
    counts: Indices
    numbers: Indices
    first: Indices
    num_contexts: int

    @classmethod
    def of(
        cls, tokens_N: Indices, contexts_N: Indices, vocab_size: int, num_contexts: int
    ) -> _Counted:
        keys, first, numbers, counts = np.unique(
            contexts_N * vocab_size + tokens_N,
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        return cls(keys, counts, numbers, first, num_contexts)


def _summed(groups: Indices, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(groups, weights=values, minlength=size), dtype=np.float64)


def _continuations(grams: _Counted, longer: _Counted) -> Indices:
    """Of how many different tokens each n-gram is seen in the wake."""
    # the longer n-gram at place i of its own list ends where the shorter one at i + 1 does
    return np.bincount(grams.numbers[longer.first + 1], minlength=len(grams.keys))


def _find(keys: Indices, wanted: Indices) -> Indices:
    """Where each key stands, or MISSING."""
    at = np.searchsorted(keys, wanted)
    at[at == len(keys)] = 0
    return np.where(keys[at] == wanted, at, MISSING)
