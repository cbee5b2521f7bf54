"""Texts as they come: every piece at once, whatever spells it, at a cost that does not grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seqbench.baselines.language.kneser_ney import KneserNey
from seqbench.baselines.language.language_baseline import LanguageBaseline
from seqbench.baselines.language.unigram import Unigram
from seqbench.data.tokenizers.bpe import BpeTokenizer
from seqbench.data.tokenizers.char import CharTokenizer
from seqbench.data.tokenizers.tokenizer import Tokenizer
from seqbench.data.tokenizers.unigram import UnigramTokenizer
from seqbench.data.tokenizers.whitespace import WhitespaceTokenizer
from seqbench.data.tokenizers.word import WordTokenizer
from seqbench.data.tokenizers.wordpiece import WordpieceTokenizer
from seqbench.errors import ConfigError, DataError
from seqbench.tasks.decoding.sampling import Sampling
from seqbench.training.kinds import writing
from seqbench.training.kinds.language_modeling import _Continuations
from seqbench.training.kinds.writing import BaselineContinuation, Writer

TEXTS = ["Don't stop: the café's menu costs 5 €, isn't it? A naïve dog sat down.\n"] * 5
TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "char": CharTokenizer,
    "word": lambda: WordTokenizer(min_freq=1),
    "whitespace": WhitespaceTokenizer,
    "bpe": lambda: BpeTokenizer(max_vocab=280),
    "wordpiece": lambda: WordpieceTokenizer(max_vocab=90),
    "unigram": lambda: UnigramTokenizer(max_vocab=60),
}


class Scripted(LanguageBaseline):
    """Says what it is told to, and remembers how much history it was shown."""

    def __init__(self, script: Sequence[int], vocab_size: int) -> None:
        self.script = list(script)
        self.vocab_size = vocab_size
        self.asked: list[int] = []

    num_parameters = 0

    def fit(self, ids: NDArray[np.int32], vocab_size: int) -> None:
        raise NotImplementedError

    def losses(self, ids: NDArray[np.int32]) -> NDArray[np.float64]:
        raise NotImplementedError

    def distribution(self, history: Sequence[int]) -> NDArray[np.float64]:
        probabilities = np.full(self.vocab_size, 1e-12)
        probabilities[self.script[len(self.asked) % len(self.script)]] = 1.0
        self.asked.append(len(history))
        return probabilities

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise NotImplementedError


def trained(name: str) -> Tokenizer:
    tokenizer = TOKENIZERS[name]()
    tokenizer.train(TEXTS)
    return tokenizer


def scripted(tokenizer: Tokenizer, script: Sequence[int]) -> Writer:
    return Writer(Scripted(script, tokenizer.vocab_size), tokenizer, marks_documents=True)


def pieces(writer: Writer, prompt: Sequence[int], tokens: int) -> list[str]:
    greedy = Sampling(temperature=0.0)
    return list(writer.pieces(prompt, sampling=greedy, seed=0, tokens=tokens))


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(draw=st.lists(st.integers(0, 10**6), min_size=2, max_size=30), begun=st.integers(1, 6))
def test_pieces_put_together_are_the_text(name: str, draw: list[int], begun: int) -> None:
    tokenizer = KEPT.setdefault(name, trained(name))
    first = tokenizer.eos_id
    ids = [first + number % (tokenizer.vocab_size - first) for number in draw]
    prompt, script = ids[:begun], ids[begun:] or [first]
    while tokenizer.decode(prompt).endswith("\ufffd"):  # no text is read into half a character
        prompt.append(script[0] if len(prompt) > 40 else tokenizer.encode("a")[0])
    writer = scripted(tokenizer, script)
    said = "".join(pieces(writer, prompt, len(script)))
    assert writer.text(prompt) + said == writer.text([*prompt, *script])


KEPT: dict[str, Tokenizer] = {}


def test_a_character_of_several_bytes_comes_whole() -> None:
    tokenizer = BpeTokenizer(max_vocab=260, lowercase=False)  # bytes alone
    tokenizer.train(TEXTS)
    script = tokenizer.encode("aé€b")
    assert len(script) == 1 + 2 + 3 + 1
    writer = scripted(tokenizer, script)
    assert pieces(writer, tokenizer.encode("x"), 7) == ["a", "é", "€", "b", ""]
    # cut in mid-character there is nothing better to say
    half = pieces(scripted(tokenizer, script), tokenizer.encode("x"), 5)
    assert half == ["a", "é", "\ufffd"]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_token_costs_the_same_however_long_the_text(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = trained(name)
    script = tokenizer.encode("the dog sat")
    spelled: list[int] = []
    decode = tokenizer.decode

    def counting(ids: Sequence[int]) -> str:
        spelled.append(len(ids))
        return decode(ids)

    monkeypatch.setattr(tokenizer, "decode", counting)
    prompt = script * 3
    pieces(scripted(tokenizer, script), prompt, 60)
    assert max(spelled) <= len(prompt) + 1
    assert max(spelled[4:]) <= 2  # all but the prompt and the first token after it


def test_a_piece_is_said_before_the_next_token_is_drawn() -> None:
    tokenizer = trained("char")
    model = Scripted(tokenizer.encode("the dog"), tokenizer.vocab_size)
    answers = _Continuations(
        Writer(model, tokenizer, marks_documents=True),
        sampling=Sampling(), seed=0, tokens=7, samples=1,
    )  # fmt: skip
    said = answers.to_all(["sat"], ["text"])
    assert next(said) == "sat"
    assert model.asked == []
    for number, letter in enumerate("the dog", 1):
        assert next(said) == letter
        assert len(model.asked) == number
    assert "".join(said) == "\n"


def test_lines_are_answered_chunk_by_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SIDE_BY_SIDE", 2)
    tokenizer = trained("char")
    model = Scripted(tokenizer.encode("a"), tokenizer.vocab_size)
    answers = _Continuations(
        Writer(model, tokenizer, marks_documents=True),
        sampling=Sampling(), seed=0, tokens=3, samples=1,
    )  # fmt: skip
    said = answers.to_all(["s", "t", "o", "p"], ["text"] * 4)
    assert list(islice(said, 3)) == ["saaa\n", "-----\n", "taaa\n"]
    assert len(model.asked) == 2 * 3  # the later lines have not been begun
    assert list(said) == ["-----\n", "oaaa\n", "-----\n", "paaa\n"]


@pytest.mark.parametrize("side_by_side", [1, 2, 3, 32])
def test_how_many_stand_side_by_side_changes_no_text(
    side_by_side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = trained("char")
    ids = np.concatenate([tokenizer.encode(text) for text in TEXTS]).astype(np.int32)
    model = KneserNey(order=3)
    model.fit(ids, tokenizer.vocab_size)
    writer = Writer(model, tokenizer, marks_documents=False)
    prompts = [writer.prompt(text) for text in ("the", "dog", "the", "a", "sat")]
    how = {"sampling": Sampling(), "seed": 3, "tokens": 12}
    alone = [
        [int(step.ids_B[0]) for step in writer.steps([prompt], first=number, **how)]
        for number, prompt in enumerate(prompts)
    ]
    assert alone[0] != alone[2]  # equal prompts go on in different ways
    monkeypatch.setattr(writing, "SIDE_BY_SIDE", side_by_side)
    assert list(writer.written(prompts, **how)) == alone


def test_a_baseline_is_shown_what_it_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = trained("char")
    ids = np.array(tokenizer.encode(TEXTS[0]), dtype=np.int32)
    for model, seen in ((KneserNey(order=4), 3), (Unigram(), 0)):
        model.fit(ids, tokenizer.vocab_size)
        shown: list[list[int]] = []
        distribution = model.distribution

        def remembering(history: Sequence[int], distribution=distribution, shown=shown):
            shown.append(list(history))
            return distribution(history)

        monkeypatch.setattr(model, "distribution", remembering)
        continuation = BaselineContinuation(model)
        logits_BV = continuation.begin([ids[:9].tolist(), ids[:2].tolist()])
        for token in ids[9:20]:
            logits_BV = continuation.append(torch.tensor([token, token]))
        assert max(map(len, shown)) == seen
        whole = ids[:20].tolist()
        np.testing.assert_allclose(logits_BV[0].exp(), distribution(whole))
        np.testing.assert_allclose(logits_BV[1].exp(), distribution(whole[:2] + whole[9:]))


def test_a_vocabulary_without_a_token_writes_nothing() -> None:
    tokenizer = WordTokenizer(min_freq=99)
    tokenizer.train(TEXTS)
    writer = Writer(Scripted([1], 4), tokenizer, marks_documents=False)
    with pytest.raises(DataError, match=r"a token to write, .* lower tokenizer\.min_freq"):
        writer.steps([[1]], sampling=Sampling(), seed=0, tokens=1)


def test_no_tokens_are_no_text() -> None:
    writer = scripted(trained("char"), [5])
    with pytest.raises(ConfigError, match="tokens: expected an integer >= 1, got 0"):
        writer.steps([[5]], sampling=Sampling(), seed=0, tokens=0)
