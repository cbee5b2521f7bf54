"""A network that goes on token by token says what it says to the whole text."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from tests.tasks.test_language_modeling import ENCODERS, V, task_of, transformer

from seqbench.batch import TokenBatch
from seqbench.errors import ConfigError
from seqbench.models.lstm import LSTM
from seqbench.tasks.decoding.continuation import NetworkContinuation
from seqbench.tasks.decoding.generate import generate
from seqbench.tasks.decoding.quality import distinct, repetition
from seqbench.tasks.decoding.sampling import Sampling
from seqbench.tasks.language_modeling import LanguageModeling


def whole(task: LanguageModeling, text: list[int]) -> torch.Tensor:
    """logits_V after a text that is read at once."""
    batch = TokenBatch(
        ids_BT=torch.tensor([text]),
        lengths_B=torch.tensor([len(text)]),
        labels_B=None,
        rows_B=torch.tensor([0]),
    )
    return task(batch)[0, -1]


@pytest.mark.parametrize("name", ENCODERS)
def test_prompts_of_any_length_side_by_side_and_step_by_step(name: str) -> None:
    torch.manual_seed(0)
    task = task_of(ENCODERS[name](), window=64).eval()
    texts = [[4, 5, 6, 7, 8, 4], [5], [8, 8, 4]]
    with torch.no_grad():
        continuation = NetworkContinuation(task)
        logits_BV = continuation.begin(texts)
        for token in (7, 4, 6, 5):
            for row, text in enumerate(texts):
                torch.testing.assert_close(logits_BV[row], whole(task, text), atol=1e-5, rtol=1e-4)
                text.append(token)
            logits_BV = continuation.append(torch.full((3,), token))


def test_a_cache_stays_within_the_window_that_was_trained() -> None:
    torch.manual_seed(0)
    task = task_of(transformer(positions="learned", max_positions=8), window=8).eval()
    continuation = NetworkContinuation(task)
    text = [4, 5, 6]
    with torch.no_grad():
        continuation.begin([text])
        for step in range(40):
            text.append(4 + step % 5)
            logits_BV = continuation.append(torch.tensor(text[-1:]))
            # full after 8 tokens, then anew with the last 4
            seen = len(text) if len(text) <= 8 else 4 + (len(text) - 9) % 5
            torch.testing.assert_close(
                logits_BV[0], whole(task, text[-seen:]), atol=1e-5, rtol=1e-4
            )


def test_how_much_of_a_text_is_forgotten_depends_on_its_own_length_alone() -> None:
    torch.manual_seed(0)
    task = task_of(transformer(positions="learned", max_positions=8), window=8).eval()
    continuation = NetworkContinuation(task)
    rows = [[4, 5, 6, 7, 8, 4, 5], [6, 7, 8, 4, 5]]
    with torch.no_grad():
        continuation.begin(rows)
        for step in range(20):
            for row in rows:
                row.append(4 + step % 5)
            logits_BV = continuation.append(torch.tensor([row[-1] for row in rows]))
            for logits_V, row in zip(logits_BV, rows, strict=True):
                seen = len(row) if len(row) <= 8 else 4 + (len(row) - 9) % 5
                torch.testing.assert_close(logits_V, whole(task, row[-seen:]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["lstm", "transformer rotary"])
def test_a_text_is_the_same_whatever_stands_beside_it(name: str) -> None:
    torch.manual_seed(0)
    task = task_of(ENCODERS[name](), window=8).eval()

    def drawn(prompts: list[list[int]], first: int = 0) -> list[list[int]]:
        steps = generate(
            NetworkContinuation(task), prompts, sampling=Sampling(), seed=5, first=first
        )
        return torch.stack([step.ids_B for step in islice(steps, 25)], 1).tolist()

    prompts = [[4, 5], [6, 7, 8, 4, 5, 6], [7]]
    beside = drawn(prompts)
    for number, prompt in enumerate(prompts):
        assert drawn([prompt], first=number) == [beside[number]]


def test_tokens_are_drawn_as_often_as_their_probability_says() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=8, d_hidden=6)).eval()
    sampling = Sampling(top_k=3, temperature=3.0)
    step = next(generate(NetworkContinuation(task), [[4]] * 4000, sampling=sampling, seed=1))
    with torch.no_grad():
        logits_BV = whole(task, [4])[None]
    expected_V = sampling.distribution(logits_BV, torch.zeros(1, V, dtype=torch.bool))[0]
    counts_V = torch.bincount(step.ids_B, minlength=V)
    assert not counts_V[expected_V == 0].any()
    spread_V = (expected_V * (1 - expected_V) / 4000).sqrt()
    assert ((counts_V / 4000 - expected_V).abs() <= 4 * spread_V).all()


def test_a_seed_below_zero_is_refused() -> None:
    task = task_of(LSTM(d_input=8, d_hidden=6)).eval()
    steps = generate(NetworkContinuation(task), [[4]], sampling=Sampling(), seed=-1)
    with pytest.raises(ConfigError, match="seed: expected an integer >= 0, got -1"):
        next(steps)


def texts(
    task: LanguageModeling, sampling: Sampling, *, seed: int = 0, tokens: int = 30, rows: int = 2
) -> list[list[int]]:
    steps = generate(
        NetworkContinuation(task),
        [[4, 5]] * rows,
        sampling=sampling,
        seed=seed,
        banned=[0, 1, 2, 3],
    )
    return torch.stack([step.ids_B for step in islice(steps, tokens)], 1).tolist()


def test_the_same_seed_gives_the_same_texts() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=8, d_hidden=6)).eval()
    first = texts(task, Sampling(), seed=3)
    torch.rand(5)  # the global generator is not theirs
    assert texts(task, Sampling(), seed=3) == first
    assert texts(task, Sampling(), seed=4) != first
    assert first[0] != first[1]
    assert not {0, 1, 2, 3} & {token for text in first for token in text}


def test_greedy_texts_are_the_likeliest_tokens() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=8, d_hidden=6)).eval()
    (text, same) = texts(task, Sampling(temperature=0.0), tokens=12)
    assert text == same
    so_far = [4, 5]
    with torch.no_grad():
        for token in text:
            logits = whole(task, so_far)
            logits[:4] = -torch.inf
            assert token == int(logits.argmax())
            so_far.append(token)


def test_figures_of_a_step_by_hand() -> None:
    torch.manual_seed(0)
    task = task_of(LSTM(d_input=8, d_hidden=6)).eval()
    steps = generate(NetworkContinuation(task), [[4]], sampling=Sampling(temperature=2.0), seed=0)
    step = next(steps)
    with torch.no_grad():
        logits = whole(task, [4]).double()
    cool, warm = logits.log_softmax(0), (logits / 2).log_softmax(0)
    assert step.losses_B.item() == pytest.approx(-cool[step.ids_B].item(), abs=1e-6)
    assert step.entropies_B.item() == pytest.approx(-(warm.exp() * warm).sum().item(), abs=1e-6)
    assert len(cool) == V


def test_distinct_and_repetition_by_hand() -> None:
    pair = [[1, 2, 1, 2], [1, 2, 3]]
    assert distinct(pair, 1) == 3 / 7
    assert distinct(pair, 2) == 3 / 5  # 12 21 12 12 23
    assert distinct(pair, 4) == 1
    assert distinct(pair, 5) is None
    assert repetition(pair, 2) == 1 / 5  # of the same text only
    assert repetition([[1] * 10]) == 6 / 7
    assert repetition([[1, 2]]) is None
