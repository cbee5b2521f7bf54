"""Kneser-Ney against cases computed by hand and by a slow reading of its definition."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from seqbench.baselines.language.kneser_ney import KneserNey
from seqbench.errors import DataError

A, B, C = 4, 5, 6


def as_ids(text: str) -> np.ndarray:
    return np.array([ord(letter) - ord("a") + 4 for letter in text], dtype=np.int32)


def fitted(text: str, *, order: int, discount: str = "plain", vocab_size: int = 7) -> KneserNey:
    model = KneserNey(order=order, discount=discount)  # type: ignore[arg-type]
    model.fit(as_ids(text), vocab_size)
    return model


def test_bigrams_by_hand() -> None:
    # "abacab": pairs ab ba ac ca ab; types ab(2) ba(1) ac(1) ca(1), n1 = 3, n2 = 1: D = 3/5.
    # Single letters count what they follow: a after b, c: 2; b after a: 1; c after a: 1. Total 4;
    # n1 = 2, n2 = 1: D = 2/4. Uniform share 1/7.
    model = fitted("abacab", order=2)
    spared = (0.5 + 0.5 + 0.5) / 4
    p_a, p_b, p_c = 1.5 / 4 + spared / 7, 0.5 / 4 + spared / 7, 0.5 / 4 + spared / 7
    # after a: b twice, c once, total 3, spared 2 · 3/5
    after_a = model.distribution([A])
    assert after_a[B] == pytest.approx((2 - 0.6) / 3 + 1.2 / 3 * p_b)
    assert after_a[C] == pytest.approx((1 - 0.6) / 3 + 1.2 / 3 * p_c)
    assert after_a[A] == pytest.approx(1.2 / 3 * p_a)
    losses = model.losses(as_ids("bab"))
    after_b = (1 - 0.6) / 1 + 0.6 * p_a
    assert losses == pytest.approx([-math.log(after_b), -math.log(after_a[B])])


def by_definition(text: str, history: str, order: int, discount: str, vocab: int) -> list[float]:
    """Slow and recursive: counts are dictionaries over strings."""
    grams = {
        n: Counter(text[i : i + n] for i in range(len(text) - n + 1)) for n in range(1, order + 1)
    }
    counts: dict[int, Counter[str]] = {order: grams[order]}
    for n in range(1, order):
        before: defaultdict[str, set[str]] = defaultdict(set)
        for gram in grams[n + 1]:
            before[gram[1:]].add(gram[0])
        counts[n] = Counter({gram: len(found) for gram, found in before.items()})

    def discounts(n: int) -> list[float]:
        of = Counter(counts[n].values())
        base = of[1] / (of[1] + 2 * of[2]) if of[1] else 0.5
        if discount == "plain" or not (of[1] and of[2] and of[3]):
            return [0.0, base, base, base]
        raw = [1 - 2 * base * of[2] / of[1], 2 - 3 * base * of[3] / of[2],
               3 - 4 * base * of[4] / of[3]]  # fmt: skip
        return [0.0, *(d if 0 < d <= m else base for d, m in zip(raw, (1, 2, 3), strict=True))]

    def probability(context: str, letter: str) -> float:
        n = len(context) + 1
        lower = probability(context[1:], letter) if context else 1 / vocab
        following = {g: c for g, c in counts[n].items() if g[:-1] == context}
        total = sum(following.values())
        if not total:
            return lower
        d = discounts(n)
        spared = sum(d[min(c, 3)] for c in following.values())
        count = following.get(context + letter, 0)
        return (count - d[min(count, 3)] + spared * lower) / total

    context = history[max(0, len(history) - order + 1) :]
    letters = [chr(ord("a") + i) for i in range(vocab - 4)]
    return [probability(context, letter) for letter in letters]


TEXT = "abracadabra abrakadabra sesame barbara abba cab".replace(" ", "z")


@pytest.mark.parametrize("discount", ["plain", "modified"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_any_order_is_its_definition_and_sums_to_one(order: int, discount: str) -> None:
    model = fitted(TEXT, order=order, discount=discount, vocab_size=30)
    for history in ("", "a", "ab", "abr", "zzz", "qab", "rbar", "esame"):
        found = model.distribution(as_ids(history).tolist())
        assert found.sum() == pytest.approx(1, abs=1e-12)
        assert (found > 0).all()
        assert found[4:] == pytest.approx(by_definition(TEXT, history, order, discount, 30))


@pytest.mark.parametrize("order", [1, 2, 5])
def test_losses_are_those_of_its_distributions(order: int) -> None:
    model = fitted(TEXT, order=order, discount="modified", vocab_size=30)
    other = as_ids("abrasesamexyzabra")
    expected = [-math.log(model.distribution(other[:i].tolist())[other[i]]) for i in range(1, 17)]
    assert model.losses(other) == pytest.approx(expected)


def test_saved_and_loaded_it_says_the_same_bits(tmp_path: Path) -> None:
    model = fitted(TEXT, order=3, vocab_size=30)
    model.save(tmp_path)
    loaded = KneserNey.load(tmp_path)
    ids = as_ids("abrasesame")
    assert np.array_equal(loaded.losses(ids), model.losses(ids))
    assert loaded.num_parameters == model.num_parameters > 0


def test_a_text_shorter_than_its_n_grams_is_refused() -> None:
    with pytest.raises(DataError, match=r"at least model\.order=5 tokens, got 3; lower"):
        fitted("abc", order=5)


def test_unfitted_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="fit it"):
        KneserNey().distribution([])
