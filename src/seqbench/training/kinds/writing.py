"""Texts that a run's language model writes: at the end of a run, and when it is asked to."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqbench.baselines.language.language_baseline import LanguageBaseline
from seqbench.data.language_modeling import LanguageModelingData
from seqbench.data.tokenizers.tokenizer import Tokenizer
from seqbench.domains import NonNegativeInt, PositiveInt
from seqbench.errors import DataError
from seqbench.records.record import Samples
from seqbench.tasks.decoding.continuation import Continuation, NetworkContinuation
from seqbench.tasks.decoding.generate import Step, generate
from seqbench.tasks.decoding.quality import distinct, repetition
from seqbench.tasks.decoding.ranges import refuse_outside
from seqbench.tasks.decoding.sampling import Sampling
from seqbench.tasks.language_modeling import LanguageModeling

log = logging.getLogger(__name__)

PROMPT_TOKENS = 32
SIDE_BY_SIDE = 32  # texts that are written at once, which changes none of them
LanguageModel = LanguageModeling | LanguageBaseline


class BaselineContinuation(Continuation):
    """See Continuation; of each text no more is kept than the baseline looks at."""

    def __init__(self, baseline: LanguageBaseline) -> None:
        self.baseline = baseline
        self._texts: list[list[int]] = []

    def begin(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """See Continuation."""
        self._texts = [list(prompt) for prompt in prompts]
        return self._logits()

    def append(self, ids_B: Tensor) -> Tensor:
        """See Continuation."""
        for text, token in zip(self._texts, ids_B.tolist(), strict=True):
            text.append(token)
        return self._logits()

    def _logits(self) -> Tensor:
        if (context := self.baseline.context) is not None:
            for text in self._texts:
                del text[: max(0, len(text) - context)]
        found = np.stack([self.baseline.distribution(text) for text in self._texts])
        return torch.from_numpy(np.log(found))


class Writer:
    """A trained language model with what it needs to read and write text.

    Args:
        model: a network in eval mode, or a fitted baseline.
        tokenizer: trained.
        marks_documents: whether the model knows beginnings and ends of documents.
    """

    def __init__(
        self, model: LanguageModel, tokenizer: Tokenizer, *, marks_documents: bool
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.marks_documents = marks_documents
        self.banned = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id]
        if not marks_documents:
            self.banned.append(tokenizer.eos_id)

    def prompt(self, text: str, name: str = "text") -> list[int]:
        """The ids that a text goes on from; that of a document's beginning stands first.

        A token that the model does not know is read as the unknown token where training text had
        such tokens; a warning says so.

        Args:
            text: any.
            name: what it is called in an error.

        Raises:
            DataError: there is no token to begin with, or an unknown one that cannot be read.
        """
        ids = self.tokenizer.encode(text)
        if unknown := self._unknown(text, ids):
            shown = ", ".join(map(repr, unknown[:5]))
            if not self._knows_unknown():
                raise DataError(
                    name,
                    expected="what the run's training text is made of",
                    got=f"{shown}, which it never holds",
                    remedy="leave it out",
                )
            log.warning("%s: %s read as unknown, since the vocabulary lacks it", name, shown)
        if self.marks_documents:
            return [self.tokenizer.eos_id, *ids]
        if not ids:
            raise DataError(
                name,
                expected="a token at least, since this run knows no beginnings of documents",
                got="an empty text" if not text else "a text without tokens",
                remedy="say how the text begins",
            )
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """The text of some tokens; a document's end is a line end."""
        pieces: list[list[int]] = [[]]
        for token in ids:
            if token == self.tokenizer.eos_id:
                pieces.append([])
            else:
                pieces[-1].append(token)
        return "\n".join(self.tokenizer.decode(piece) for piece in pieces)

    def steps(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        sampling: Sampling,
        seed: NonNegativeInt,
        tokens: PositiveInt,
        first: NonNegativeInt = 0,
        temperatures: Sequence[float] | None = None,
    ) -> Iterator[Step]:
        """The next `tokens` tokens of every prompt; see `generate`.

        Raises:
            ConfigError: fewer than one token, or a seed below 0.
            DataError: the vocabulary has no token that can be written.
        """
        refuse_outside("tokens", tokens, PositiveInt)
        if len(set(self.banned)) == self.tokenizer.vocab_size:
            raise DataError(
                "vocabulary",
                expected="a token to write",
                got="the special ones alone",
                remedy="lower tokenizer.min_freq",
            )
        if isinstance(self.model, LanguageModeling):
            continuation: Continuation = NetworkContinuation(self.model)
        else:
            continuation = BaselineContinuation(self.model)
        steps = generate(
            continuation,
            prompts,
            sampling=sampling,
            seed=seed,
            first=first,
            banned=self.banned,
            temperatures=temperatures,
        )
        return islice(steps, tokens)

    def written(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        sampling: Sampling,
        seed: NonNegativeInt,
        tokens: PositiveInt,
    ) -> Iterator[list[int]]:
        """The next `tokens` tokens of one prompt after another, some written side by side."""
        for first in range(0, len(prompts), SIDE_BY_SIDE):
            chunk = prompts[first : first + SIDE_BY_SIDE]
            steps = self.steps(chunk, sampling=sampling, seed=seed, tokens=tokens, first=first)
            yield from torch.stack([step.ids_B for step in steps], 1).tolist()

    def pieces(
        self, prompt: Sequence[int], *, sampling: Sampling, seed: int, tokens: int
    ) -> Iterator[str]:
        """One text's continuation as it comes: put together it is what all its tokens spell.

        What a token spells depends on the one before it at most (a space between words), so no more
        is spelled again: every token costs the same, however long the text.
        """
        recent = list(prompt)  # a piece that was said, then the tokens since
        num_said, said = len(recent), self.text(recent)
        for step in self.steps([prompt], sampling=sampling, seed=seed, tokens=tokens):
            recent.append(int(step.ids_B[0]))
            text = self.text(recent)
            if text.endswith("\ufffd"):  # in the middle of a character of several bytes
                continue
            yield text[len(said) :]
            recent = recent[num_said:]
            num_said, said = len(recent), self.text(recent)
        yield self.text(recent)[len(said) :]

    def _unknown(self, text: str, ids: Sequence[int]) -> list[str]:
        if self.tokenizer.unk_id not in ids:
            return []
        pairs = zip(self.tokenizer.tokens(text), ids, strict=False)
        return list(dict.fromkeys(token for token, i in pairs if i == self.tokenizer.unk_id))

    def _knows_unknown(self) -> bool:
        """A network learns what unknown means from text that has it; counts need not."""
        return not isinstance(self.model, LanguageModeling) or self.model.spec.num_unknown > 0


def written_samples(
    model: LanguageModel, data: LanguageModelingData, config: Mapping[str, Any]
) -> list[Samples]:
    """What the record keeps: some texts at each temperature of the config, from equal prompts.

    Prompts are tokens at equal distances through the validation split.
    """
    settings = config["task"]
    temperatures = [float(value) for value in settings.get("sample_temperatures", [])]
    count, tokens = settings.get("sample_texts", 0), settings.get("sample_tokens", 0)
    if not temperatures or not count or not tokens:
        return []
    writer = Writer(model, data.tokenizer, marks_documents=data.mark_documents)
    prompts = _prompts(data, count)
    steps = list(
        writer.steps(
            [prompt for _ in temperatures for prompt in prompts],
            sampling=Sampling(),
            seed=config["seed"],
            tokens=tokens,
            temperatures=[value for value in temperatures for _ in prompts],
        )
    )
    ids_BT = torch.stack([step.ids_B for step in steps], 1).tolist()
    losses_BT = torch.stack([step.losses_B for step in steps], 1)
    entropies_BT = torch.stack([step.entropies_B for step in steps], 1)
    found = []
    for number, temperature in enumerate(temperatures):
        rows = slice(number * len(prompts), (number + 1) * len(prompts))
        texts = ids_BT[rows]
        loss = float(losses_BT[rows].mean())
        found.append(
            Samples(
                temperature=temperature,
                prompts=[writer.text(prompt) for prompt in prompts],
                texts=[writer.text(text) for text in texts],
                tokens=sum(map(len, texts)),
                distinct_1=distinct(texts, 1),
                distinct_2=distinct(texts, 2),
                distinct_3=distinct(texts, 3),
                repetition=repetition(texts),
                entropy=float(entropies_BT[rows].mean()),
                perplexity=math.exp(loss) if loss < 700 else None,
            )
        )
    return found


def _prompts(data: LanguageModelingData, count: int) -> list[list[int]]:
    ids = data.ids("validation")
    length = min(PROMPT_TOKENS, len(ids))
    starts = np.linspace(0, len(ids) - length, count).astype(int)
    return [ids[start : start + length].tolist() for start in starts]
