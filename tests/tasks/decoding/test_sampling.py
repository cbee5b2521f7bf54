"""Distributions after temperature, top-k, top-p and penalty, by hand and in the limits."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqbench.errors import ConfigError
from seqbench.tasks.decoding.sampling import Sampling

P = [0.5, 0.3, 0.15, 0.05]
LOGITS = torch.tensor([P]).log() + 2.5  # a constant changes nothing


def distribution(*, seen: list[int] | None = None, **settings: Any) -> list[float]:
    seen_BV = torch.zeros(1, 4, dtype=torch.bool)
    seen_BV[0, seen or []] = True
    return Sampling(**settings).distribution(LOGITS, seen_BV)[0].tolist()


def test_untouched_it_is_the_models_own() -> None:
    assert distribution() == pytest.approx(P)


def test_temperature_by_hand() -> None:
    squares = [p**2 for p in P]
    assert distribution(temperature=0.5) == pytest.approx([s / sum(squares) for s in squares])


def test_temperature_zero_is_greedy_and_a_tiny_one_nearly() -> None:
    assert distribution(temperature=0.0) == [1, 0, 0, 0]
    assert distribution(temperature=1e-6) == pytest.approx([1, 0, 0, 0])
    assert distribution(temperature=1e-300) == pytest.approx([1, 0, 0, 0])


def test_a_very_high_temperature_is_uniform() -> None:
    assert distribution(temperature=1e6) == pytest.approx([0.25] * 4, abs=1e-5)
    kept = distribution(temperature=1e6, top_k=2)
    assert kept == pytest.approx([0.5, 0.5, 0, 0], abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(logits=st.lists(st.floats(-20, 20), min_size=2, max_size=8), t=st.floats(0.05, 20))
def test_entropy_grows_with_temperature(logits: list[float], t: float) -> None:
    def entropy(temperature: float) -> float:
        seen = torch.zeros(1, len(logits), dtype=torch.bool)
        p = Sampling(temperature=temperature).distribution(torch.tensor([logits]), seen)
        assert p.sum().item() == pytest.approx(1)
        return float(-torch.special.xlogy(p, p).sum())

    assert entropy(0.0) - 1e-9 <= entropy(t) <= entropy(2 * t) + 1e-9
    assert entropy(2 * t) <= math.log(len(logits)) + 1e-9


def test_top_k_by_hand() -> None:
    assert distribution(top_k=1) == [1, 0, 0, 0]
    assert distribution(top_k=2) == pytest.approx([0.625, 0.375, 0, 0])
    assert distribution(top_k=9) == pytest.approx(P)


def test_top_p_by_hand() -> None:
    assert distribution(top_p=0.4) == [1, 0, 0, 0]
    assert distribution(top_p=0.5) == [1, 0, 0, 0]  # the first alone has it
    assert distribution(top_p=0.51) == pytest.approx([0.625, 0.375, 0, 0])
    assert distribution(top_p=0.9) == pytest.approx([0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0])
    # of what top_k leaves: 0.625 alone is enough
    assert distribution(top_k=2, top_p=0.6) == [1, 0, 0, 0]


def test_the_penalty_by_hand() -> None:
    logits = torch.tensor([[2.0, 1.0, -1.0, 0.0]])
    seen = torch.tensor([[True, False, True, False]])
    found = Sampling(repetition_penalty=2.0).distribution(logits, seen)
    expected = torch.tensor([[1.0, 1.0, -2.0, 0.0]]).double().softmax(1)
    torch.testing.assert_close(found, expected)


def test_what_cannot_be_stays_impossible_at_any_temperature() -> None:
    logits = torch.tensor([[1.0, -torch.inf, 0.0]])
    seen = torch.tensor([[False, True, False]])
    for temperature in (0.0, 0.5, 1e9):
        sampling = Sampling(temperature=temperature, repetition_penalty=1.5, top_p=0.99)
        found = sampling.distribution(logits, seen)
        assert found[0, 1] == 0
        assert found.sum().item() == pytest.approx(1)


def test_a_temperature_a_row() -> None:
    found = Sampling().distribution(
        LOGITS.repeat(3, 1), torch.zeros(3, 4, dtype=torch.bool), torch.tensor([0.0, 1.0, 1e6])
    )
    assert found[0].tolist() == [1, 0, 0, 0]
    assert found[1].tolist() == pytest.approx(P)
    assert found[2].tolist() == pytest.approx([0.25] * 4, abs=1e-5)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"temperature": -1}, "temperature: expected a number >= 0, got -1"),
        ({"temperature": math.nan}, "temperature: expected a number >= 0, got nan"),
        ({"temperature": True}, "temperature: expected a number >= 0, got True"),
        ({"top_p": 1.5}, "top_p: expected a number in (0, 1], got 1.5"),
        ({"top_p": 0}, "top_p: expected a number in (0, 1], got 0"),
        ({"top_p": None}, "top_p: expected a number in (0, 1], got None"),
        ({"top_k": 0}, "top_k: expected an integer >= 1 or None, got 0"),
        ({"top_k": 2.5}, "top_k: expected an integer >= 1 or None, got 2.5"),
        ({"repetition_penalty": 0.0}, "repetition_penalty: expected a number > 0, got 0.0"),
    ],
)
def test_values_out_of_range_are_refused_whoever_asks(said: dict[str, Any], error: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Sampling(**said)
    assert raised.value.line() == error


def test_a_tiny_share_leaves_the_likeliest_token() -> None:
    for top_p in (1e-13, 5e-324):
        assert distribution(top_p=top_p) == [1, 0, 0, 0]
        assert distribution(top_p=top_p, top_k=3) == [1, 0, 0, 0]


@pytest.mark.parametrize("penalty", [5e-324, 1e-320, 1e308])
@pytest.mark.parametrize("temperature", [5e-324, 1.0, 1e308])
def test_an_extreme_penalty_leaves_a_distribution(penalty: float, temperature: float) -> None:
    logits = torch.tensor([[2.0, -1.0, 0.0, -torch.inf]]).double()
    seen = torch.tensor([[True, True, False, True]])
    sampling = Sampling(repetition_penalty=penalty, temperature=temperature)
    for seen_BV in (seen, torch.ones_like(seen)):
        found = sampling.distribution(logits, seen_BV)
        assert found.isfinite().all()
        assert found.sum().item() == pytest.approx(1)
        assert found[0, 3] == 0
